//! What controllers report about clusters, for people.

use std::time::{SystemTime, UNIX_EPOCH};

use super::screen::Screen;
use xaccount::capa::{OLD_CONDITIONS, Observed, ReportedCondition};
use xaccount::diag::escape_control;
use xaccount::inventory::Provenance;
use xaccount::status::{Controller, Status};

/// Until then, a new object may simply not have been reconciled.
const FIRST_MINUTES: i64 = 120;

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs().cast_signed())
}

/// Lines about what is not as it should be. `now` is in seconds since 1970.
pub(crate) fn observed_lines<O: Provenance>(
    status: &Status<'_, O>,
    controllers: &[Controller],
    now: i64,
    screen: Screen,
) -> String {
    let mut lines: Vec<String> = Vec::new();
    for row in status.rows.iter().filter(|row| !row.template) {
        let Some(observed) = status.inventory[row.object].object.observed.as_deref() else { continue };
        let about = sentences(observed, controllers, now).into_iter();
        lines.extend(about.map(|sentence| format!("{}: {sentence}", row.title())));
    }
    // An object with several references has a row for each.
    lines.dedup();
    let wrapped = |line: String| format!("{}\n", screen.wrap(&escape_control(&line), 0, 2));
    let text: String = lines.into_iter().map(wrapped).collect();
    if text.is_empty() { text } else { format!("\n{text}") }
}

fn sentences(observed: &Observed, controllers: &[Controller], now: i64) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(since) = &observed.deleting_since {
        sentences.push(format!("being deleted{}: CAPA needs its identity until then", for_how_long(Some(since), now)));
    }
    for condition in &observed.conditions {
        sentences.extend(sentence(condition, now));
    }
    let is_old = observed.created.as_deref().and_then(seconds).is_some_and(|created| now - created > FIRST_MINUTES);
    let is_ready =
        observed.conditions.iter().any(|one| one.name == "Ready" || one.name == "Paused" && one.status == "True");
    let is_expected = observed.has_owner && !observed.is_externally_managed && is_old && !is_ready;
    if is_expected && observed.has_finalizer == Some(false) {
        let age = for_how_long(observed.created.as_deref(), now);
        let log = match controllers {
            [one] => format!("kubectl -n {} logs deploy/{}", one.namespace, one.name),
            _ => "kubectl logs of the controller of CAPA".to_owned(),
        };
        sentences.push(format!(
            "CAPA has never had a session for it (it exists{age} and has no finalizer), or no controller watches it; the reason is only in the log: {log}"
        ));
    }
    sentences
}

/// A condition that is not as it should be.
fn sentence(condition: &ReportedCondition, now: i64) -> Option<String> {
    let ReportedCondition { name, status, reason, since, principal } = condition;
    let age = for_how_long(since.as_deref(), now);
    let is_good = if name == "Paused" { "False" } else { "True" };
    if OLD_CONDITIONS.contains(&name.as_str()) {
        return Some(format!("{name} is {status}{age}, left by CAPA v2.0 or older: it says nothing about today"));
    }
    if status == is_good {
        return None;
    }
    let reason = reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
    let principal = principal.as_ref().map_or(String::new(), |arn| format!("; AWS refused {arn}"));
    Some(format!("{name} is {status}{age}{reason}{principal}"))
}

/// ` for 3d`, in the units of kubectl; empty if it is not a time.
fn for_how_long(since: Option<&str>, now: i64) -> String {
    let Some(since) = since.and_then(seconds) else { return String::new() };
    let passed = (now - since).max(0);
    let (count, unit) = match passed {
        0..120 => (passed, "s"),
        120..7200 => (passed / 60, "m"),
        7200..172_800 => (passed / 3600, "h"),
        _ => (passed / 86_400, "d"),
    };
    format!(" for {count}{unit}")
}

/// The seconds since 1970 of a time as the API server writes it: `2026-11-30T04:05:06Z`.
fn seconds(time: &str) -> Option<i64> {
    let time = time.strip_suffix('Z')?;
    let (date, clock) = time.split_once('T')?;
    let numbers =
        |text: &str, separator| text.split(separator).map(|part| part.parse().ok()).collect::<Option<Vec<i64>>>();
    let (date, clock) = (numbers(date, '-')?, numbers(clock, ':')?);
    let ([year, month, day], [hour, minute, second]) = (date.try_into().ok()?, clock.try_into().ok()?);
    // Days since 1970 by the Gregorian calendar, with years that begin in March (Hinnant, "chrono-compatible low-level
    // date algorithms", days_from_civil).
    let year: i64 = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(name: &str, status: &str) -> ReportedCondition {
        let since = Some("2026-11-27T04:05:06Z".to_owned());
        ReportedCondition {
            name: name.into(),
            status: status.into(),
            reason: Some("Why".into()),
            since,
            principal: None,
        }
    }

    fn observed(conditions: Vec<ReportedCondition>) -> Observed {
        Observed {
            created: Some("2026-11-30T03:05:06Z".into()),
            deleting_since: None,
            has_owner: true,
            has_finalizer: Some(true),
            is_externally_managed: false,
            conditions,
        }
    }

    /// 2026-11-30T04:05:06Z, as `date -u -d … +%s` prints it.
    const NOW: i64 = 1_796_011_506;

    #[test]
    fn times_are_those_of_date() {
        for (time, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T12:00:00Z", Some(951_825_600)),
            ("2024-12-31T23:59:59Z", Some(1_735_689_599)),
            ("2026-11-30T04:05:06Z", Some(NOW)),
            ("2026-11-30", None),
            ("yesterday", None),
        ] {
            assert_eq!(seconds(time), expected, "{time}");
        }
        let since = |passed: i64| for_how_long(Some("2026-11-30T04:05:06Z"), NOW + passed);
        assert_eq!(
            [0, 119, 120, 7199, 7200, 172_800].map(since),
            [" for 0s", " for 119s", " for 2m", " for 119m", " for 2h", " for 2d"]
        );
    }

    #[test]
    fn only_what_is_wrong_is_shown() {
        let good = vec![condition("Ready", "True"), condition("Paused", "False")];
        assert!(sentences(&observed(good), &[], NOW).is_empty());
        let refused = ReportedCondition {
            principal: Some("arn:aws:iam::222222222222:user/a".into()),
            ..condition("VpcReady", "False")
        };
        let bad = vec![
            condition("Ready", "Unknown"),
            condition("Paused", "True"),
            refused,
            condition(OLD_CONDITIONS[0], "True"),
        ];
        assert_eq!(
            sentences(&observed(bad), &[], NOW),
            [
                "Ready is Unknown for 3d: Why",
                "Paused is True for 3d: Why",
                "VpcReady is False for 3d: Why; AWS refused arn:aws:iam::222222222222:user/a",
                "PrincipalUsageAllowed is True for 3d, left by CAPA v2.0 or older: it says nothing about today",
            ]
        );
    }

    #[test]
    fn a_cluster_without_a_session_has_neither_finalizer_nor_conditions() {
        let new = Observed { has_finalizer: Some(false), ..observed(vec![condition("Paused", "False")]) };
        let found = sentences(&new, &[], NOW);
        assert!(
            found.len() == 1 && found[0].starts_with("CAPA has never had a session for it (it exists for 60m"),
            "{found:?}"
        );
        for other in [
            Observed { has_owner: false, ..new.clone() },
            Observed { is_externally_managed: true, ..new.clone() },
            Observed { created: Some("2026-11-30T04:04:06Z".into()), ..new.clone() },
            Observed { has_finalizer: None, ..new.clone() },
            Observed { conditions: vec![condition("Ready", "True")], ..new },
        ] {
            assert!(sentences(&other, &[], NOW).is_empty(), "{other:?}");
        }
    }
}
