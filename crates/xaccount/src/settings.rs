//! A setting and where it comes from: a flag, the account map, a region or a default. There is one precedence, and one
//! message about a flag that contradicts the map.

use std::fmt;

use crate::diag::Diagnostic;

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag, as it is typed.
    Flag(&'static str),
    /// The account map: the formatted place in it, `.xaccount.yaml:12`.
    Map(String),
    /// The region of a cluster.
    Region(String),
    /// No flag and no map specifies it.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(flag),
            Self::Map(place) => f.write_str(place),
            Self::Region(region) => write!(f, "the region {region}"),
            Self::Default => f.write_str("the default"),
        }
    }
}

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub origin: Origin,
}

impl<T> Setting<T> {
    /// The value of a flag.
    pub fn flag(flag: &'static str, value: T) -> Self {
        Self { value, origin: Origin::Flag(flag) }
    }

    /// A value of the account map, with its formatted place.
    pub fn map(value: T, place: String) -> Self {
        Self { value, origin: Origin::Map(place) }
    }

    /// The default.
    pub fn default(value: T) -> Self {
        Self { value, origin: Origin::Default }
    }

    /// Another value from the same origin.
    pub fn with<U>(&self, value: U) -> Setting<U> {
        Setting { value, origin: self.origin.clone() }
    }
}

impl<T> From<T> for Setting<T> {
    fn from(value: T) -> Self {
        Self::default(value)
    }
}

/// A flag that contradicts the account map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    by_flag: String,
    flag: Origin,
    by_map: String,
    place: Origin,
}

impl Contradiction {
    /// As an error. `account` is the account's name in the map, if the setting belongs to one; `ways_out` is the help
    /// text.
    pub fn diagnostic(&self, account: Option<&str>, ways_out: &str) -> Diagnostic {
        let Self { by_flag, flag, by_map, place } = self;
        let account = account.map_or_else(String::new, |account| format!(" for the account {account}"));
        Diagnostic::error(format!("{flag} is {by_flag}, but the account map has {by_map}{account}"))
            .help(format!("set in the account map at {place}"))
            .help(ways_out)
    }
}

/// The setting that a flag and the account map agree on. The map comes first: a flag may repeat it, or specify what the
/// map does not.
///
/// # Errors
/// They differ.
pub fn agreed<T: PartialEq + fmt::Display>(
    flag: Option<Setting<T>>,
    map: Option<Setting<T>>,
) -> Result<Option<Setting<T>>, Contradiction> {
    match (flag, map) {
        (Some(flag), Some(map)) if flag.value != map.value => Err(Contradiction {
            by_flag: flag.value.to_string(),
            flag: flag.origin,
            by_map: map.value.to_string(),
            place: map.origin,
        }),
        (flag, map) => Ok(map.or(flag)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_comes_first_and_a_flag_must_not_contradict_it() {
        let flag = |value| Some(Setting::flag("name", value));
        let map = |value| Some(Setting::map(value, "map:1".to_owned()));
        assert_eq!(agreed::<u8>(None, None), Ok(None));
        assert_eq!(agreed(flag(1), None), Ok(flag(1)));
        assert_eq!(agreed(None, map(1)), Ok(map(1)));
        assert_eq!(agreed(flag(1), map(1)), Ok(map(1)));
        let error = agreed(flag(1), map(2)).unwrap_err().diagnostic(Some("dev"), "omit one");
        assert_eq!(error.message, "name is 1, but the account map has 2 for the account dev");
        assert_eq!(error.help, ["set in the account map at map:1", "omit one"]);
    }
}
