//! The findings of `lint`, and its fixes.

use lossless_yaml::{Source, apply};
use xaccount::capa;
use xaccount::diag::FileId;
use xaccount::inventory::{self, Inventory, Scan};
use xaccount::lint::{self, Context, Finding};
use xaccount::status::{self, Options};

/// Reads a text as the only file, and lints it; `None` if it can't be read.
fn found(data: &[u8]) -> Option<(Inventory, Vec<Finding>)> {
    let needles = capa::needles_for_lint();
    let scan = Scan { needles: &needles, skip_templates: false, topology_variable: None, keep_going: true };
    let scanned = inventory::scan(FileId(0), data, &scan).ok()?;
    let file = inventory::File {
        name: "f.yaml".into(),
        is_json_for_kubectl: scanned.is_json_for_kubectl,
        json_list: scanned.json_list,
        identities_only: false,
    };
    let inventory = Inventory::new(vec![file], scanned.objects);
    let status = status::status(&inventory, &Options::default());
    let kept = xaccount::account_map::Spanned { value: "true".to_owned(), span: xaccount::diag::Span::new(0, 0) };
    let annotations = [("example.com/keep".to_owned(), kept)];
    let context = Context {
        inventory: &inventory,
        status: &status,
        release_is_specified: false,
        has_all_identities: true,
        annotations: &annotations,
        map: None,
        staying: &[],
        builds: &xaccount::inventory::Builds::default(),
        trust: &[],
        permission: &[],
    };
    let findings = lint::lint(&context, scanned.warnings).findings;
    let comments = [(FileId(0), lint::ignores(data))].into();
    let findings = lint::silence(&inventory, findings, &comments);
    drop(status);
    Some((inventory, findings))
}

/// Every label of a finding is inside the file; fixes are proved or refused, and fixing again and again comes to an
/// end.
pub fn lint(data: &[u8]) {
    let Some((inventory, findings)) = found(data) else { return };
    for Finding { diagnostic, .. } in &findings {
        for label in diagnostic.primary.iter().chain(&diagnostic.others) {
            let span = label.at.span;
            assert!(span.start <= span.end && span.end <= data.len().max(2), "{diagnostic:?}");
        }
    }
    let mut text = data.to_vec();
    let mut inventory = inventory;
    let mut findings = findings;
    // A fix can bring up a finding about the next identity of a chain.
    let mut rounds = 2 * (fixes(&inventory, &findings) + inventory.objects().len());
    while fixes(&inventory, &findings) > 0 {
        assert!(rounds > 0, "fixing does not come to an end:\n{}", String::from_utf8_lossy(&text));
        rounds -= 1;
        let plans = lint::fixes(&inventory, &findings).plans;
        let Some(plan) = plans.get(&FileId(0)) else { return };
        let Ok(edited) = apply(&Source::new(&text), plan) else { return };
        text = edited.to_bytes(&text).unwrap();
        let Some((next, found)) = found(&text) else {
            panic!("the result can't be read:\n{}", String::from_utf8_lossy(&text));
        };
        (inventory, findings) = (next, found);
    }
}

fn fixes(inventory: &Inventory, findings: &[Finding]) -> usize {
    lint::fixes(inventory, findings).changes.len()
}
