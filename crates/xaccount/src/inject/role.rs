//! The role that an object is pointed at.

use super::planner::Planner;
use super::request::{Target, role_of};
use crate::aws::{AccountId, Partition, RoleArn, RoleText};
use crate::capa::{DEFAULT_ROLE_NAME, IdentityKind};
use crate::diag::Diagnostic;
use crate::inventory::ObjectId;
use crate::manifest_checks;
use crate::settings::{Origin, Setting};

impl Planner<'_> {
    /// The role for an object, from the target and the object's region.
    pub(super) fn role_for(&mut self, index: ObjectId) -> Option<RoleText> {
        let inventory = self.inventory;
        let found = &inventory[index];
        // Only the account counts: its identity is not managed here.
        if let Some(existing) = &self.request.existing_identity {
            let role = role_of(self.target).ok()?;
            self.decided(|| format!("{}: {} from {}", found.title(), existing.value, existing.origin));
            return Some(role);
        }
        // The region only matters if it decides the partition of an identity's role.
        let decides = self.request.with_identity && matches!(self.target, Target::Account { partition: None, .. });
        if let Some(error) = manifest_checks::region_twice(found).filter(|_| decides) {
            self.errors.push(error);
            return None;
        }
        let region = found.object.region().map(str::to_owned);
        let of_region = region.as_deref().and_then(Partition::of_region);
        let mismatch =
            |partition| manifest_checks::partition(found, "the role", partition, found.object.kind_span).zip(of_region);
        match self.target {
            Target::Role(Setting { value: role @ RoleText::Template(_), origin }) => {
                self.decided(|| format!("{}: role {role} from {origin}", found.title()));
                Some(role.clone())
            }
            Target::Role(Setting { value: RoleText::Arn(role), origin }) => {
                if let Some((error, own)) = mismatch(role.partition()) {
                    self.errors.push(match RoleArn::new(own, role.account(), role.path_and_name()) {
                        Ok(right) => error.help(format!("if the account is correct, pass --role-arn {right}")),
                        Err(_) => error,
                    });
                    return None;
                }
                self.decided(|| {
                    let (account, name, partition) = (role.account(), role.path_and_name(), role.partition().id());
                    let title = found.title();
                    format!("{title}: account {account}, role {name}, partition {partition}, all from {origin}")
                });
                Some(RoleText::Arn(role.clone()))
            }
            Target::Account { account, role, partition } => {
                if let Some((error, own)) = partition.as_ref().and_then(|partition| mismatch(partition.value)) {
                    self.errors.push(error.help(format!("pass --partition {own}, or omit it")));
                    return None;
                }
                let chosen = match (partition, of_region, &region) {
                    (Some(partition), ..) => partition.clone(),
                    (None, Some(own), Some(region)) => Setting { value: own, origin: Origin::Region(region.clone()) },
                    _ => Setting::default(Partition::Aws),
                };
                self.decided(|| {
                    let from = parts_from(account, role, &chosen, region.as_deref());
                    format!("{}: {from}", found.title())
                });
                match RoleArn::new(chosen.value, &account.value, &role.value) {
                    Ok(arn) => Some(RoleText::Arn(arn)),
                    Err(error) => {
                        self.errors.push(Diagnostic::error(error.to_string()));
                        None
                    }
                }
            }
        }
    }
}

impl Planner<'_> {
    /// The role of an existing identity, if it differs from the target only in the partition, which nothing specifies: that
    /// of the region of its clusters.
    pub(super) fn role_of_existing(&self, identity: &str) -> Option<RoleText> {
        let Target::Account { account, role, partition: None } = self.target else { return None };
        let inventory = self.inventory;
        let mut existing =
            inventory.identities(IdentityKind::Role, identity).iter().map(|&index| &inventory[index].object);
        let arn: RoleArn = existing.find_map(|object| object.role_arn()?.parse().ok())?;
        let is_same = *arn.account() == account.value && arn.path_and_name() == role.value.trim_start_matches('/');
        is_same.then_some(RoleText::Arn(arn))
    }
}

/// The account, the name and the partition of a role, each with where it comes from.
fn parts_from(
    account: &Setting<AccountId>,
    role: &Setting<String>,
    partition: &Setting<Partition>,
    region: Option<&str>,
) -> String {
    let why = match (&partition.origin, region) {
        (Origin::Default, Some(region)) => format!("the default, because the region {region} is unknown"),
        (Origin::Default, None) => "the default, because no region is specified".to_owned(),
        (origin, _) => origin.to_string(),
    };
    let is_default = role.value == DEFAULT_ROLE_NAME;
    let role_from = if is_default { "the role that DKP creates".to_owned() } else { role.origin.to_string() };
    format!(
        "account {} from {}, role {} ({role_from}), partition {} from {why}",
        account.value,
        account.origin,
        role.value,
        partition.value.id()
    )
}
