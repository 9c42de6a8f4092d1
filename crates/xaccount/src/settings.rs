//! A setting and where it comes from: a flag, the account map, a region or a default. There is one precedence, and one
//! message about a flag that contradicts the map.

use std::fmt;

use crate::diag::Diagnostic;

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag, as it is typed.
    Flag(&'static str),
    /// The account map: the place in it as it is shown, `.xaccount.yaml:12`.
    Map(String),
    /// The region of a cluster.
    Region(String),
    /// Nothing says otherwise.
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

    /// A value of the account map, at a place as it is shown.
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

/// A flag says something else than the account map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    by_flag: String,
    flag: Origin,
    by_map: String,
    place: Origin,
}

impl Contradiction {
    /// As an error. `account` is what the map calls the account, where the setting is of one; `ways_out` says what to type.
    pub fn diagnostic(&self, account: Option<&str>, ways_out: &str) -> Diagnostic {
        let Self { by_flag, flag, by_map, place } = self;
        let account = account.map_or_else(String::new, |account| format!(" for the account {account}"));
        Diagnostic::error(format!("{flag} says {by_flag}, and the map says {by_map}{account}"))
            .help(format!("the map says so at {place}"))
            .help(ways_out)
    }
}

/// The setting that a flag and the account map agree on. The map comes first: a flag may repeat it, and says what the map
/// leaves open.
///
/// # Errors
/// They say two different things.
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
        assert_eq!(error.message, "name says 1, and the map says 2 for the account dev");
        assert_eq!(error.help, ["the map says so at map:1", "omit one"]);
    }
}
