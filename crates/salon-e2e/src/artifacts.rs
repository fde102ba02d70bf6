//! What is kept of a failed scenario: the server's log, and each page's picture, statistics and console.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};

use crate::page::{Page, WINDOW};
use crate::server::Server;
use crate::target;

/// The page's own statistics, or why there are none. Limited, because a failed page may answer nothing.
const STATISTICS: &str = "Promise.race([
  (async () => JSON.stringify({
    url: location.href,
    stats: await window.salon?.stats?.(),
    pcCounts: window.salon?.pcCounts,
  }, null, 1))(),
  new Promise((resolve) => setTimeout(resolve, 3000, 'no answer within 3 s')),
])";

/// Writes everything to `e2e-failures/<scenario>` in the target folder, in place of what an earlier
/// failure left there, and gives that folder. What cannot be had is replaced by a line that says why.
pub(crate) fn keep(
    scenario: &str,
    pages: &[(String, Page)],
    servers: &[Arc<Server>],
) -> Result<PathBuf> {
    let folder = target::folder()?.join("e2e-failures").join(scenario);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    }
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    for (index, server) in servers.iter().enumerate() {
        fs::write(folder.join(format!("server-{index}.log")), server.log())?;
    }
    for (index, (label, page)) in pages.iter().enumerate() {
        keep_page(&folder.join(format!("{index}-{label}")), page)?;
    }
    Ok(folder)
}

fn keep_page(stem: &Path, page: &Page) -> Result<()> {
    fs::write(stem.with_extension("console.txt"), page.console().join("\n"))?;
    let statistics = match page.eval_as::<String>(STATISTICS) {
        Ok(text) => text,
        Err(error) => format!("{error:#}"),
    };
    fs::write(stem.with_extension("stats.json"), statistics)?;
    let (width, height) = WINDOW;
    if let Err(error) = page.screenshot(&stem.with_extension("png"), width, height) {
        fs::write(stem.with_extension("png.txt"), format!("{error:#}"))?;
    }
    Ok(())
}
