//! One service on a port of its own, which can be stopped and started again on the same store.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use salon::core::{RoomId, Time, UserId};
use salon::dev::Guestbook;
use salon::pay::sandbox::{self, Sandbox};
use salon::room_model::Person;
use salon::store::{OpenError, SqliteStore};
use salon::{Config, LogNotifier, People, Ports, Salon, Tokens as _};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

/// The users of the tests: everybody may do everything, but Bob has blocked Eve.
#[derive(Debug)]
struct Users(Guestbook);

#[async_trait::async_trait]
impl People for Users {
    async fn profile(&self, user: &UserId) -> Option<Person> {
        self.0.profile(user).await
    }

    async fn blocked(&self, by: &[UserId], who: &UserId) -> bool {
        let name = |person: Option<Person>| person.map(|person| person.name.to_string());
        let mut bob = false;
        for user in by {
            bob |= name(self.0.profile(user).await).as_deref() == Some("Bob");
        }
        bob && name(self.0.profile(who).await).as_deref() == Some("Eve")
    }

    async fn search(&self, text: &str, limit: usize) -> Vec<Person> {
        self.0.search(text, limit).await
    }
}

pub(crate) struct World {
    directory: TempDir,
    users: Arc<Users>,
    running: Option<Running>,
}

struct Running {
    salon: Salon,
    tasks: Vec<JoinHandle<()>>,
    address: std::net::SocketAddr,
}

impl World {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let users = Arc::new(Users(Guestbook::new([1; 32])));
        let mut world = Self { directory, users, running: None };
        world.run().await;
        world
    }

    /// Starts the service on the store as it is.
    pub(crate) async fn run(&mut self) {
        let mut config = sandbox::Config::new([2; 32]);
        config.delay = Duration::from_millis(1);
        let (payments, deliveries) = Sandbox::new(config);
        let ports = Ports {
            tokens: Arc::new(Guestbook::new([1; 32])),
            people: self.users.clone(),
            notifier: Arc::new(LogNotifier),
            payments: Arc::new(payments),
        };
        let mut config = Config::default();
        config.udp = ([127, 0, 0, 1], 0).into();
        let store = open(self.directory.path()).await;
        let (salon, driver) = Salon::open(config, ports, store).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = salon.router();
        let tasks = vec![
            tokio::spawn(async move { driver.run().await.unwrap() }),
            tokio::spawn(salon.clone().deliver(deliveries)),
            tokio::spawn(async move { axum::serve(listener, app).await.unwrap() }),
        ];
        self.running = Some(Running { salon, tasks, address });
    }

    /// Stops it in order and lets go of the store.
    pub(crate) async fn stop(&mut self) {
        let Running { salon, tasks, .. } = self.running.take().expect("the service runs");
        salon.shut_down();
        drop(salon);
        let mut tasks = tasks.into_iter();
        tasks.next().expect("the driver is the first").await.unwrap();
        for task in tasks {
            task.abort();
            let _aborted = task.await;
        }
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the service runs")
    }

    pub(crate) fn socket_url(&self) -> String {
        format!("ws://{}/ws", self.running().address)
    }

    /// A token for this name, and whom it belongs to.
    pub(crate) async fn sign_in(&self, name: &str) -> (String, Person) {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap();
        let now = Time(u64::try_from(since.as_micros()).unwrap());
        let issued = self.users.0.issue(name, now).await.unwrap();
        (issued.token, issued.identity.person)
    }

    /// A room of this host, with this many seats.
    pub(crate) async fn create(&self, token: &str, seats: u8) -> RoomId {
        let body = serde_json::json!({ "title": "Evening songs", "seats": seats });
        let request = Request::post("/api/rooms")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let (status, body) = self.request(request).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        body["room"].as_str().unwrap().parse().unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let (status, body) = self.request(request).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    /// One sample of the metrics.
    pub(crate) async fn metric(&self, name: &str) -> i64 {
        let text = self.get("/metrics").await;
        let lines = text.as_str().expect("metrics are text").lines();
        let mut values = lines.filter_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        values.next().unwrap_or_else(|| panic!("no metric {name}"))
    }

    /// The answer's status, and its body as JSON, or as a string if it is not JSON.
    pub(crate) async fn request(&self, request: Request<Body>) -> (StatusCode, Value) {
        let response = self.running().salon.router().oneshot(request).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let text = String::from_utf8(body.to_vec()).unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

/// Opens the store as soon as the last owner has let go of it.
async fn open(directory: &Path) -> SqliteStore {
    let opened = async {
        loop {
            match SqliteStore::open(directory) {
                Ok(store) => return store,
                Err(OpenError::InUse { .. }) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    let deadline = Duration::from_secs(20);
    tokio::time::timeout(deadline, opened).await.expect("the last owner lets go in time")
}
