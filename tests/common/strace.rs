//! strace on a server that runs: system calls that fail or take long.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Pid;

use super::disk::skip;
use super::server::PATIENCE;

/// A strace that does something to a process until it is dropped.
pub(crate) struct Strace(Child);

impl Strace {
    /// Attaches to all threads of a process: `inject` as in `strace -e inject=`. `None`, and a line that says so:
    /// that is not possible here.
    pub(crate) fn attach(pid: Pid, inject: &str) -> Option<Strace> {
        let (call, _) = inject.split_once(':').expect("a call, and what is done");
        let strace = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")])
            .args(["-e", &format!("inject={inject}"), "-p", &pid.as_raw_nonzero().to_string()])
            .stderr(Stdio::null())
            .spawn();
        if let Ok(strace) = strace {
            let mut strace = Strace(strace);
            if strace.is_attached(pid) {
                return Some(strace);
            }
        }
        skip("strace is not possible here");
        None
    }

    /// Waits until each thread is traced.
    fn is_attached(&mut self, pid: Pid) -> bool {
        let deadline = Instant::now() + PATIENCE;
        let tasks = format!("/proc/{}/task", pid.as_raw_nonzero());
        while self.0.try_wait().expect("own child").is_none() {
            assert!(Instant::now() < deadline, "attached in time");
            let mut threads = fs::read_dir(&tasks).expect("the server runs");
            if threads.all(|task| task.is_ok_and(|task| is_traced(&task.path()))) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    }
}

impl Drop for Strace {
    /// Lets go of the process, which goes on.
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            let _ = rustix::process::kill_process(Pid::from_child(&self.0), rustix::process::Signal::TERM);
        }
        // Now and then it waits for a thread that it holds up itself.
        let deadline = Instant::now() + Duration::from_secs(5);
        while let Ok(None) = self.0.try_wait()
            && Instant::now() < deadline
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_traced(task: &Path) -> bool {
    let status = fs::read_to_string(task.join("status"));
    !status.is_ok_and(|status| status.contains("TracerPid:\t0\n"))
}
