//! Values of a spec that belong to one AWS account.

use crate::diag::Span;
use lossless_yaml::{Data, NodeId, Tree};

/// Prefixes of the ids of EC2 resources in CAPA's specs (EC2 user guide, "Resource IDs": eight or seventeen hexadecimal
/// digits after the prefix).
const RESOURCES: [&str; 9] = ["vpc", "subnet", "sg", "ami", "rtb", "igw", "nat", "eipalloc", "eigw"];

/// Members whose values may be in another account by design: principals of an EKS cluster
/// (`controlplane/eks/api/v1beta2/types.go`, v2.13.0), and the roles of a shared VPC
/// (`controlplane/rosa/api/v1beta2/rosacontrolplane_types.go`).
const ANY_ACCOUNT: [&str; 3] = ["iamAuthenticatorConfig", "accessEntries", "sharedVPCConfig"];

/// The field of a ROSAControlPlane with the role that creates the cluster.
pub const INSTALLER_ROLE: &str = "installerRoleARN";

/// Fields of a ROSAControlPlane with roles that OpenShift Cluster Manager demands in the account of the creator: these, and
/// those of `rolesRef` (`controlplane/rosa/controllers/rosacontrolplane_controller.go`, c0ac2765d).
pub const ACCOUNT_ROLES: [&str; 2] = ["supportRoleARN", "workerRoleARN"];

/// Other roles of a ROSAControlPlane that the cluster itself assumes.
pub const USED_ROLES: [&str; 3] =
    ["auditLogRoleARN", "autoNode.roleARN", "cloudWatchlogForwarder.cloudWatchLogRoleArn"];

/// A value that belongs to one account: an EC2 id, an ARN with an account, or the name of an SSH key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountScoped {
    /// Its path below the spec, with dots: `rolesRef.ingressARN`; the items of a list have none of their own.
    pub path: String,
    /// The value.
    pub text: String,
    /// Its place.
    pub span: Span,
}

impl AccountScoped {
    /// The account in the value, if it is an ARN.
    pub fn account(&self) -> Option<&str> {
        account_of(&self.text)
    }
}

/// The values in the order of the text. Aliases are not followed: their values are found at the anchor.
pub(super) fn to_an_account(tree: &Tree<'_>, spec: NodeId) -> Vec<AccountScoped> {
    let mut walk = ScopedWalk { tree, path: Vec::new(), found: Vec::new() };
    walk.node(spec);
    walk.found
}

struct ScopedWalk<'t> {
    tree: &'t Tree<'t>,
    path: Vec<&'t str>,
    found: Vec<AccountScoped>,
}

impl ScopedWalk<'_> {
    fn node(&mut self, node: NodeId) {
        let tree = self.tree;
        match &tree.node(node).data {
            Data::Mapping { entries, .. } => entries.iter().for_each(|&(key, value)| self.member(key, value)),
            Data::Sequence { items, .. } => items.iter().for_each(|&item| self.node(item)),
            Data::Scalar { .. } => {
                let is_scoped = |text: &&str| is_id(text) || account_of(text).is_some();
                if let Some(text) = tree.text(node).filter(is_scoped) {
                    self.add(text, node);
                }
            }
            Data::Alias(_) => {}
        }
    }

    fn member(&mut self, key: NodeId, value: NodeId) {
        let tree = self.tree;
        let name = tree.text(key).unwrap_or_default();
        if ANY_ACCOUNT.contains(&name) {
            return;
        }
        self.path.push(name);
        match tree.text(value).filter(|text| name == "sshKeyName" && !text.is_empty() && !tree.is_null(value)) {
            Some(text) => self.add(text, value),
            None => self.node(value),
        }
        self.path.pop();
    }

    fn add(&mut self, text: &str, node: NodeId) {
        let (path, text) = (self.path.join("."), text.to_owned());
        self.found.push(AccountScoped { path, text, span: self.tree.span(node) });
    }
}

fn is_id(text: &str) -> bool {
    text.split_once('-').is_some_and(|(prefix, digits)| {
        RESOURCES.contains(&prefix)
            && matches!(digits.len(), 8 | 17)
            && digits.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
    })
}

/// The account of an ARN; those of AWS managed policies have none.
fn account_of(text: &str) -> Option<&str> {
    let mut parts = text.split(':');
    let is_arn = parts.next() == Some("arn");
    let account = parts.nth(3).filter(|_| is_arn)?;
    (account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit())).then_some(account)
}

/// Another object that a ROSAControlPlane is built from, in its namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Companion {
    /// Its kind.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// The place of the name.
    pub span: Span,
}

/// The references of a ROSAControlPlane to its roles and its network (`rosacontrolplane_types.go`, v2.13.0).
const COMPANIONS: [(&str, &str); 2] = [("rosaRoleConfigRef", "ROSARoleConfig"), ("rosaNetworkRef", "ROSANetwork")];

/// Whether objects of a kind belong to a cluster only if its ROSAControlPlane names them.
pub fn is_companion(kind: &str) -> bool {
    COMPANIONS.iter().any(|(_, companion)| *companion == kind)
}

/// The companions that a spec names.
pub(super) fn companions(tree: &Tree<'_>, spec: NodeId) -> Vec<Companion> {
    let named = |&(member, kind): &(&str, &'static str)| {
        let name = tree.value(tree.value(spec, member)?, "name")?;
        let text = tree.text(name).filter(|_| !tree.is_null(name))?;
        Some(Companion { kind, name: text.to_owned(), span: tree.span(name) })
    };
    COMPANIONS.iter().filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lossless_yaml::yaml;

    #[test]
    fn values_of_one_account_are_found_with_their_paths() {
        let text = "network: {vpc: {id: vpc-0123456789abcdef0}, subnets: [{id: subnet-01234567}, {id: mine}]}\n\
                    sshKeyName: ops\n\
                    rolesRef: {ingressARN: 'arn:aws:iam::222222222222:role/i'}\n\
                    policies: ['arn:aws:iam::aws:policy/ReadOnlyAccess']\n\
                    iamAuthenticatorConfig: {mapRoles: [{rolearn: 'arn:aws:iam::333333333333:role/ops'}]}\n\
                    rosaRoleConfigRef: {name: roles}\n";
        let tree = yaml::read(text, 0).unwrap();
        let found = to_an_account(&tree, tree.root);
        let found: Vec<_> = found.iter().map(|one| (one.path.as_str(), one.text.as_str(), one.account())).collect();
        assert_eq!(
            found,
            [
                ("network.vpc.id", "vpc-0123456789abcdef0", None),
                ("network.subnets.id", "subnet-01234567", None),
                ("sshKeyName", "ops", None),
                ("rolesRef.ingressARN", "arn:aws:iam::222222222222:role/i", Some("222222222222")),
            ]
        );
        let companions = companions(&tree, tree.root);
        assert_eq!((companions.len(), companions[0].kind, companions[0].name.as_str()), (1, "ROSARoleConfig", "roles"));
    }
}
