//! One GET request: its answer, or a clear error.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::access::{Connection, causes};
use crate::error::LiveError;

/// How often a request is made that the server wants to have later.
const MOST_ATTEMPTS: usize = 3;

/// The longest pause before the next attempt, whatever the server asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The part of a `metav1.Status` that is shown.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ApiStatus {
    reason: String,
    message: String,
}

/// The answer to one attempt.
struct Answer {
    status: StatusCode,
    /// What `Retry-After` says.
    pause: Option<Duration>,
    body: Vec<u8>,
}

impl Connection {
    /// The body of the answer. 429 and 503 are tried again, after the time in `Retry-After` (a second without it).
    ///
    /// # Errors
    /// There is no answer, or it is an error.
    pub(crate) async fn get(&self, path: &str) -> Result<Vec<u8>, LiveError> {
        let mut attempt = 1;
        loop {
            let answer = match self.request_timeout {
                None => self.attempt(path).await?,
                Some(after) => tokio::time::timeout(after, self.attempt(path))
                    .await
                    .map_err(|_| LiveError::TimedOut { server: self.server.clone(), path: path.to_owned(), after })??,
            };
            if answer.status.is_success() {
                return Ok(answer.body);
            }
            let is_temporary = matches!(answer.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
            if !is_temporary || attempt == MOST_ATTEMPTS {
                return Err(self.refused(path, &answer));
            }
            tokio::time::sleep(answer.pause.unwrap_or(Duration::from_secs(1)).min(LONGEST_PAUSE)).await;
            attempt += 1;
        }
    }

    /// The same, parsed.
    ///
    /// # Errors
    /// Those of [`get`](Self::get); or it is not JSON of this type.
    pub(crate) async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, LiveError> {
        let body = self.get(path).await?;
        serde_json::from_slice(&body).map_err(|error| self.not_kubernetes(path, &error))
    }

    async fn attempt(&self, path: &str) -> Result<Answer, LiveError> {
        let server = || self.server.clone();
        let request = Request::get(path).header("accept", "application/json").body(Body::empty());
        let request = request.map_err(|error| LiveError::Unreachable { server: server(), why: error.to_string() })?;
        let response = self.client.send(request).await.map_err(|error| match error {
            // The credentials are made when they are needed first.
            kube::Error::Auth(error) => LiveError::Credentials { server: server(), why: causes(&error) },
            error => LiveError::Unreachable { server: server(), why: causes(&error) },
        })?;
        let status = response.status();
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let pause = seconds.map(Duration::from_secs);
        let body = response.into_body().collect().await.map_err(|error| LiveError::Cut {
            server: server(),
            path: path.to_owned(),
            why: causes(&error),
        })?;
        Ok(Answer { status, pause, body: body.to_bytes().to_vec() })
    }

    fn refused(&self, path: &str, answer: &Answer) -> LiveError {
        let status: ApiStatus = serde_json::from_slice(&answer.body).unwrap_or_default();
        let plain = || String::from_utf8_lossy(&answer.body).lines().next().unwrap_or_default().trim().to_owned();
        let reason = match status.reason.is_empty() {
            true => answer.status.canonical_reason().unwrap_or_default().to_owned(),
            false => status.reason,
        };
        let message = if status.message.is_empty() { plain() } else { status.message };
        let (server, path) = (self.server.clone(), path.to_owned());
        LiveError::Refused { server, path, code: answer.status.as_u16(), reason, message }
    }

    pub(crate) fn not_kubernetes(&self, path: &str, error: &serde_json::Error) -> LiveError {
        LiveError::NotKubernetes { server: self.server.clone(), path: path.to_owned(), why: error.to_string() }
    }
}
