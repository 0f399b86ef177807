//! A process that ends with the test, even if that is killed.

use std::io;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A child of ours, from its start until it is dropped: kill -9, and gone.
pub(crate) struct Running {
    child: Child,
    /// Kills the child when our end of its standard input is closed, as it is when the test's process ends.
    guard: Child,
}

impl Running {
    pub(crate) fn spawn(command: &mut Command) -> Running {
        Running::start(command).expect("the program")
    }

    /// The same of a program that may not be installed.
    pub(crate) fn start(command: &mut Command) -> io::Result<Running> {
        let child = command.spawn()?;
        let mut guard = Command::new("sh");
        guard.args(["-c", "read _; kill -9 \"$0\"", &child.id().to_string()]).stdin(Stdio::piped());
        let guard = guard.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a shell");
        Ok(Running { child, guard })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it was not waited for");
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it is our child").is_some()
    }

    /// Its exit status, once it has ended by itself.
    pub(crate) fn code(&mut self) -> Option<i32> {
        self.child.try_wait().expect("it is our child")?.code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // First, so that it never hits a process that has the number later.
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
