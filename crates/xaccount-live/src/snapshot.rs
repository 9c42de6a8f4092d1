//! All objects of a management cluster that decide about accounts.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use xaccount::capa::{CAPA_RESOURCE, CONTROLLER_LABEL, LIVE_RESOURCES, LiveResource};

use crate::access::{Access, Connection, FoundConfig};
use crate::discovery::Served;
use crate::error::LiveError;
use crate::list::{ItemType, typed};
use crate::rbac::Rule;

/// The namespaces that are read. Cluster-scoped objects always are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamespaceScope {
    /// The context's namespace.
    Context,
    /// These.
    Named(Vec<String>),
    /// All.
    All,
}

/// The objects that were read.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The context, or `in-cluster`.
    pub context: String,
    /// The URL of the API server.
    pub server: String,
    /// The namespaces, or none for all of them.
    pub namespaces: Option<Vec<String>>,
    /// A `kind: List` as JSON with one object per line, each as the server wrote it, like `kubectl get -o json`.
    pub list: Vec<u8>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
    /// `metadata.uid` of the namespace `kube-system`, which identifies the cluster, or why it can't be read.
    pub uid: Result<String, String>,
}

/// A resource that could not be read.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// The resource.
    pub resource: LiveResource,
    /// The namespace, if it was requested in one.
    pub namespace: Option<String>,
    /// The error of the server.
    pub why: String,
    /// The rule that is missing, if the user lacks a permission.
    pub rule: Option<Rule>,
}

#[derive(Deserialize)]
struct UidOnly {
    metadata: UidMetadata,
}

#[derive(Deserialize)]
struct UidMetadata {
    uid: String,
}

/// Reads a management cluster, with GET requests only: discovery, lists, and single Namespaces.
///
/// # Errors
/// The cluster can't be reached, it is not a management cluster, or none of its clusters can be read.
pub fn read(access: &Access, scope: &NamespaceScope) -> Result<Snapshot, LiveError> {
    // Without one, nothing that could open a socket is started.
    let config = FoundConfig::find(access)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| LiveError::Unreachable { server: String::new(), why: error.to_string() })?;
    runtime.block_on(async {
        let connection = Connection::new(access, config).await?;
        Reader { connection: &connection, objects: Vec::new(), unreadable: Vec::new(), refusal: None }.read(scope).await
    })
}

struct Reader<'c> {
    connection: &'c Connection,
    objects: Vec<Vec<u8>>,
    unreadable: Vec<Unreadable>,
    /// The first error about a resource with clusters or identities.
    refusal: Option<LiveError>,
}

impl Reader<'_> {
    async fn read(mut self, scope: &NamespaceScope) -> Result<Snapshot, LiveError> {
        let connection = self.connection;
        let namespaces = match scope {
            NamespaceScope::All => None,
            NamespaceScope::Context => Some(vec![connection.namespace.clone()]),
            NamespaceScope::Named(names) => Some(names.clone()),
        };
        let served = Served::of(connection).await?;
        let group = LIVE_RESOURCES[0].group;
        if served.version(group, CAPA_RESOURCE).is_none() {
            let resource = LIVE_RESOURCES[0].name();
            return Err(LiveError::NotManagementCluster { server: connection.server.clone(), resource });
        }
        let mut is_readable = false;
        for resource in LIVE_RESOURCES {
            let Some(version) = served.version(resource.group, resource.plural) else { continue };
            let read = self.resource(resource, version, namespaces.as_deref()).await?;
            is_readable |= read && resource.group == group;
        }
        if let Some(error) = self.refusal.filter(|_| !is_readable) {
            return Err(error);
        }
        let uid = connection.get_json::<UidOnly>("/api/v1/namespaces/kube-system").await;
        Ok(Snapshot {
            context: connection.context.clone(),
            server: connection.server.clone(),
            namespaces,
            list: list_of(&self.objects),
            unreadable: self.unreadable,
            uid: uid.map(|one| one.metadata.uid).map_err(|error| error.to_string()),
        })
    }

    /// Reads a resource in all namespaces of the scope; returns whether all of it was read.
    async fn resource(
        &mut self,
        resource: LiveResource,
        version: &str,
        namespaces: Option<&[String]>,
    ) -> Result<bool, LiveError> {
        let LiveResource { group, plural, kind, namespaced, of_controller } = resource;
        let (base, api_version) = match group {
            "" => (format!("/api/{version}"), version.to_owned()),
            _ => (format!("/apis/{group}/{version}"), format!("{group}/{version}")),
        };
        let of = ItemType { api_version: &api_version, kind };
        let mut is_read = true;
        match namespaces {
            // The controller is in a namespace of its own.
            _ if of_controller => {
                let (label, value) = CONTROLLER_LABEL;
                let path = format!("{base}/{plural}?labelSelector={label}%3D{value}");
                is_read &= self.add(resource, None, &path, &of).await?;
            }
            Some(names) if kind == "Namespace" => {
                for name in names {
                    let found = self.connection.get(&format!("{base}/{plural}/{}", encoded(name))).await;
                    if let Err(LiveError::Refused { code: 404, .. }) = found {
                        let (server, name) = (self.connection.server.clone(), name.clone());
                        return Err(LiveError::NoNamespace { server, name });
                    }
                    let found = found.map(|body| vec![typed(&String::from_utf8_lossy(&body), &of)]);
                    is_read &= self.keep(resource, Some(name), found)?;
                }
            }
            Some(names) if namespaced => {
                for name in names {
                    let path = format!("{base}/namespaces/{}/{plural}", encoded(name));
                    is_read &= self.add(resource, Some(name), &path, &of).await?;
                }
            }
            _ => is_read &= self.add(resource, None, &format!("{base}/{plural}"), &of).await?,
        }
        Ok(is_read)
    }

    async fn add(
        &mut self,
        resource: LiveResource,
        namespace: Option<&str>,
        path: &str,
        of: &ItemType<'_>,
    ) -> Result<bool, LiveError> {
        let found = self.connection.list(path, of).await;
        self.keep(resource, namespace, found)
    }

    /// Keeps objects. If the user may not read them, or the server fails on this resource alone, the rest counts.
    fn keep(
        &mut self,
        resource: LiveResource,
        namespace: Option<&str>,
        found: Result<Vec<Vec<u8>>, LiveError>,
    ) -> Result<bool, LiveError> {
        match found {
            Ok(objects) => {
                self.objects.extend(objects);
                Ok(true)
            }
            Err(error @ LiveError::Refused { code: 403 | 404 | 500..=599, .. }) => {
                let rule = error.is_forbidden().then_some(Rule { resource });
                let namespace = namespace.map(str::to_owned);
                self.unreadable.push(Unreadable { resource, namespace, why: error.to_string(), rule });
                self.refusal.get_or_insert(error);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

/// A name as a segment of a path.
fn encoded(name: &str) -> String {
    const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.');
    utf8_percent_encode(name, SEGMENT).to_string()
}

/// A List like kubectl's, with an object per line.
fn list_of(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut list = b"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n".to_vec();
    list.extend(objects.join(&b",\n"[..]));
    list.extend(b"\n]}\n");
    list
}
