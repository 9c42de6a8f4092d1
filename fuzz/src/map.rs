//! The reader of account maps, and the account of a cluster.

use xaccount::account_map::{self, AccountMap, Assigned, Cluster, Place};

/// A map and, after a NUL, the requested cluster: its name, namespace and path, separated by blanks. The places of
/// errors are in the map and can be shown, a map read twice gives the same answer, and each answer has a place in the
/// map.
pub fn map(data: &[u8]) {
    let (map, asked) = match data.iter().position(|&byte| byte == 0) {
        Some(at) => (&data[..at], String::from_utf8_lossy(&data[at + 1..]).into_owned()),
        None => (data, String::new()),
    };
    let read = match account_map::read(map) {
        Ok(read) => read,
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in errors {
                assert!(!error.message.is_empty());
                assert!(
                    error.span.start <= error.span.end && error.span.end <= map.len(),
                    "{error:?} is not in the map"
                );
            }
            return;
        }
    };
    let words: Vec<&str> = asked.split_whitespace().collect();
    let word = |at: usize| words.get(at).copied();
    for template in [false, true] {
        let place = word(2).map_or(Place::Unknown, Place::below);
        let cluster = Cluster { name: word(0), namespace: word(1).unwrap_or("default"), place: &place, template };
        let said = answer(&read, &cluster, map.len());
        let again = account_map::read(map).expect("it was read before");
        assert_eq!(said, answer(&again, &cluster, map.len()));
    }
    for account in &read.accounts {
        let named = read.named(&account.name.value).expect("an account is found by its name");
        assert_eq!(named.account.value, account.account.value, "two accounts have one name");
    }
}

/// The account of the cluster, with the places in the map that decide it.
fn answer(map: &AccountMap, cluster: &Cluster<'_>, length: usize) -> String {
    let (said, places) = match map.assign(cluster) {
        Assigned::To(account, place) => (map.accounts[account].name.value.clone(), vec![place]),
        Assigned::Source(place) => ("source".into(), vec![place]),
        Assigned::Several(several) => {
            assert!(several.len() > 1);
            let (names, places): (Vec<String>, Vec<_>) = several.into_iter().unzip();
            (names.join("+"), places)
        }
        Assigned::Unplaced(places) => ("unplaced".into(), places),
        Assigned::Nobody => ("unassigned".into(), Vec::new()),
    };
    assert!(places.iter().all(|place| place.start < place.end && place.end <= length), "{places:?}");
    format!("{said} {places:?}")
}
