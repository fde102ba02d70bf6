//! One scenario: the browsers and the server it uses, and what is kept of them when it fails.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::{Context as _, Result};

use crate::browser::Browser;
use crate::page::Page;
use crate::person::Person;
use crate::server::Server;
use crate::tool::Tool;
use crate::{artifacts, network};

/// A running scenario. When it ends in failure it keeps logs, statistics and pictures.
#[derive(Debug)]
pub struct Scenario {
    name: &'static str,
    tools: BTreeMap<Tool, PathBuf>,
    pages: Mutex<Vec<(String, Page)>>,
    servers: Mutex<Vec<Arc<Server>>>,
}

/// Runs a scenario that needs Chromium; call it from a test of the same name.
///
/// # Panics
/// The scenario fails, which fails the test.
pub fn run(name: &'static str, steps: impl FnOnce(&Scenario) -> Result<()>) {
    run_with(name, &[Tool::Chromium], steps);
}

/// Runs a scenario that needs these tools; call it from a test of the same name.
///
/// Without one of them the scenario is skipped, and says so even when the test harness captures what tests
/// print. With `SALON_REQUIRE=all` in the environment that is a failure instead.
///
/// # Panics
/// The scenario fails, which fails the test.
#[expect(clippy::panic, reason = "this is how a test fails")]
pub fn run_with(name: &'static str, needs: &[Tool], steps: impl FnOnce(&Scenario) -> Result<()>) {
    let mut tools = BTreeMap::new();
    for tool in needs {
        let Some(program) = tool.found() else { return skip(name, tool.absence()) };
        tools.insert(*tool, program);
    }
    if needs.contains(&Tool::Firefox) && !network::is_private() {
        if !network::can_be_private() {
            return skip(name, "Firefox needs a network namespace with `ip`, and there is none");
        }
        // What is kept of a failure is kept in there.
        return network::run_inside(name).unwrap_or_else(|error| panic!("{error:?}"));
    }
    let scenario = Scenario { name, tools, pages: Mutex::default(), servers: Mutex::default() };
    if let Err(error) = steps(&scenario) {
        panic!("{error:?}");
    }
}

/// Says that a scenario does not run, or fails where everything is required.
fn skip(name: &str, reason: &str) {
    assert!(!everything_is_required(), "{name} cannot run: {reason}");
    // Straight to the stream: the harness captures only what the print macros write.
    let _ = writeln!(std::io::stderr(), "SKIPPED {name}: {reason}");
}

/// Whether a missing tool is a failure rather than a reason to skip.
fn everything_is_required() -> bool {
    std::env::var_os("SALON_REQUIRE").is_some_and(|value| value == "all")
}

impl Scenario {
    /// Starts the server on a data directory of its own.
    ///
    /// # Errors
    /// It cannot be built or does not come up.
    pub fn server(&self) -> Result<Arc<Server>> {
        let server = Arc::new(Server::start()?);
        self.servers().push(Arc::clone(&server));
        Ok(server)
    }

    /// Starts a Chromium process.
    ///
    /// # Errors
    /// It does not come up.
    pub fn browser(&self) -> Result<Browser> {
        Browser::chromium(self.tool(Tool::Chromium)?)
    }

    /// Starts a Firefox process.
    ///
    /// # Errors
    /// It does not come up, or the scenario did not say that it needs one.
    pub fn firefox(&self) -> Result<Browser> {
        Browser::firefox(self.tool(Tool::Firefox)?)
    }

    /// Where the program of this tool is.
    ///
    /// # Errors
    /// The scenario did not say that it needs it.
    pub fn tool(&self, tool: Tool) -> Result<&Path> {
        let program = self.tools.get(&tool);
        Ok(program.with_context(|| format!("{} does not say that it needs {tool:?}", self.name))?)
    }

    /// Says what was measured, also when the scenario succeeds.
    pub fn report(&self, words: &str) {
        // Straight to the stream: the harness captures only what the print macros write.
        let _ = writeln!(std::io::stderr(), "{}: {words}", self.name);
    }

    /// Opens `url` in a window of its own; `label` names it in what is kept of a failure.
    ///
    /// # Errors
    /// The page cannot be loaded.
    pub fn page(&self, browser: &Browser, label: &str, url: &str) -> Result<Page> {
        let page = browser.open(url)?;
        self.pages().push((label.to_owned(), page.clone()));
        Ok(page)
    }

    /// Lets a person called `name` open the product in `browser` and say who they are.
    ///
    /// # Errors
    /// The page cannot be loaded or does not take the name.
    pub fn person(&self, browser: &Browser, server: &Server, name: &str) -> Result<Person> {
        self.person_at(browser, server.url(), name)
    }

    /// [`person`](Self::person), at a URL that may have parameters.
    ///
    /// # Errors
    /// The page cannot be loaded or does not take the name.
    pub fn person_at(&self, browser: &Browser, url: &str, name: &str) -> Result<Person> {
        let person = Person::new(name, self.page(browser, name, url)?);
        person.sign_in()?;
        Ok(person)
    }

    fn pages(&self) -> MutexGuard<'_, Vec<(String, Page)>> {
        self.pages.lock().expect("nobody panics while adding a page")
    }

    fn servers(&self) -> MutexGuard<'_, Vec<Arc<Server>>> {
        self.servers.lock().expect("nobody panics while adding a server")
    }
}

impl Drop for Scenario {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let kept = artifacts::keep(self.name, &self.pages(), &self.servers());
            let _ = match kept {
                Ok(folder) => {
                    writeln!(std::io::stderr(), "{}: see {}", self.name, folder.display())
                }
                Err(error) => writeln!(std::io::stderr(), "{}: nothing kept: {error:#}", self.name),
            };
        }
        // The pages go first: each tells its browser to close the window. Then nothing holds the browsers.
        self.pages().clear();
    }
}
