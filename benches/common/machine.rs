//! The machine under the bench: cores, descriptors, processor time, memory.

use std::fs;
use std::io;
use std::time::Duration;

use chat_room::limits::NICE_COMMIT;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setpriority_process, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// One core for what is measured, another for the load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cores {
    pub(crate) target: usize,
    pub(crate) load: usize,
}

impl Cores {
    /// The first and the last core this process may use.
    pub(crate) fn find() -> io::Result<Cores> {
        let allowed = sched_getaffinity(None)?;
        let mut cores = (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core));
        let target = cores.next().expect("a thread that runs has a core");
        Ok(Cores { target, load: cores.next_back().unwrap_or(target) })
    }
}

/// Binds this thread, and what it starts from now on, to one core.
pub(crate) fn stay_on(core: usize) -> io::Result<()> {
    Ok(sched_setaffinity(None, &set_of(&[core]))?)
}

/// Lets this thread, and what it starts from now on, run on both cores.
pub(crate) fn stay_on_both(cores: Cores) -> io::Result<()> {
    Ok(sched_setaffinity(None, &both(cores))?)
}

fn both(cores: Cores) -> CpuSet {
    set_of(&[cores.target, cores.load])
}

/// From now on all threads of a process but the first may run on the load's core too.
pub(crate) fn spread_threads(pid: u32, cores: Cores) -> io::Result<()> {
    let both = both(cores);
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let thread: i32 = thread?.file_name().to_string_lossy().parse().map_err(io::Error::other)?;
        if u32::try_from(thread) != Ok(pid) {
            sched_setaffinity(Pid::from_raw(thread), &both)?;
        }
    }
    Ok(())
}

/// From now on a process that has one thread runs on these cores.
pub(crate) fn move_to(pid: u32, on: &[usize]) -> io::Result<()> {
    Ok(sched_setaffinity(i32::try_from(pid).ok().and_then(Pid::from_raw), &set_of(on))?)
}

fn set_of(on: &[usize]) -> CpuSet {
    let mut cores = CpuSet::new();
    for &core in on {
        cores.set(core);
    }
    cores
}

/// From now on all threads of a process run on these cores, before others there if the kernel allows it.
pub(crate) fn put_first_on(pid: u32, on: &[usize]) -> io::Result<()> {
    let cores = set_of(on);
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let thread: i32 = thread?.file_name().to_string_lossy().parse().map_err(io::Error::other)?;
        sched_setaffinity(Pid::from_raw(thread), &cores)?;
        // On Linux each thread has a nice value of its own, see sched(7).
        let _ = setpriority_process(Pid::from_raw(thread), NICE_COMMIT);
    }
    Ok(())
}

/// Allows as many descriptors as the hard limit does; children inherit it. Returns how many.
pub(crate) fn raise_descriptors() -> io::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    Ok(limit.maximum.unwrap_or(u64::MAX))
}

/// The lowest number no descriptor of a process has: what it would get next.
pub(crate) fn next_descriptor(pid: u32) -> io::Result<u64> {
    let mut open = fs::read_dir(format!("/proc/{pid}/fd"))?
        .map(|entry| entry?.file_name().to_string_lossy().parse().map_err(io::Error::other))
        .collect::<io::Result<Vec<u64>>>()?;
    open.sort_unstable();
    let gap = (0..).zip(&open).find(|&(number, &open)| number != open);
    Ok(gap.map_or(open.len() as u64, |(free, _)| free))
}

/// From now on a process that may have `maximum` descriptors gets only those below `current`.
pub(crate) fn limit_descriptors(pid: u32, current: u64, maximum: u64) -> io::Result<()> {
    let limit = Rlimit { current: Some(current), maximum: Some(maximum) };
    prlimit(i32::try_from(pid).ok().and_then(Pid::from_raw), Resource::Nofile, limit)?;
    Ok(())
}

/// Seconds of processor time a process has used, all its threads and the kernel's work for it included.
pub(crate) fn processor_seconds(pid: u32) -> io::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may have blanks; user and system time are fields 14 and 15 (proc(5)).
    let behind_name = stat.rsplit(')').next().expect("rsplit gives at least one piece");
    let ticks: u64 =
        behind_name.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
    #[expect(clippy::cast_precision_loss, reason = "ticks of 10 ms stay far below 2^52")]
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// Of that, what its first thread has used: of the server, the loop.
pub(crate) fn first_thread_seconds(pid: u32) -> io::Result<f64> {
    // The first figure is nanoseconds on a core (sched-stats.rst of Linux).
    let stat = fs::read_to_string(format!("/proc/{pid}/task/{pid}/schedstat"))?;
    let nanoseconds = stat.split(' ').next().unwrap_or_default().parse().map_err(io::Error::other)?;
    Ok(Duration::from_nanos(nanoseconds).as_secs_f64())
}

/// Bytes of memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// The process's own: heap, stack, what it wrote of its mappings.
    pub(crate) process: u64,
    /// The kernel's unswappable slabs, where sockets, files and their buffers' heads live. Of all processes.
    pub(crate) slabs: u64,
    /// What sockets hold in their queues, of all processes.
    pub(crate) socket_queues: u64,
}

impl Memory {
    pub(crate) fn of(pid: u32) -> io::Result<Memory> {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
        let sockstat = fs::read_to_string("/proc/net/sockstat")?;
        let meminfo = fs::read_to_string("/proc/meminfo")?;
        let tcp = sockstat.lines().find(|line| line.starts_with("TCP:")).unwrap_or_default();
        let pages = number_after(tcp, "mem").unwrap_or_default();
        Ok(Memory {
            process: number_after(&rollup, "Anonymous:").unwrap_or_default() * 1024,
            slabs: number_after(&meminfo, "SUnreclaim:").unwrap_or_default() * 1024,
            socket_queues: pages * rustix::param::page_size() as u64,
        })
    }
}

/// KiB of memory that a process has in the machine's.
pub(crate) fn resident_kib(pid: u32) -> io::Result<u64> {
    in_status(pid, "VmRSS:")
}

/// From now on [`most_resident_kib`] counts: a start takes 19 MiB for an Argon2id of its own and gives them back.
pub(crate) fn forget_most_resident(pid: u32) -> io::Result<()> {
    // proc_pid_clear_refs(5): resets the peak.
    fs::write(format!("/proc/{pid}/clear_refs"), "5")
}

/// KiB that it had at most.
pub(crate) fn most_resident_kib(pid: u32) -> io::Result<u64> {
    in_status(pid, "VmHWM:")
}

fn in_status(pid: u32, name: &str) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    number_after(&status, name).map_or_else(|| Err(io::Error::other("a process without memory")), Ok)
}

/// Bytes said from this port and not acknowledged by the other end's kernel.
pub(crate) fn send_queues(port: u16) -> io::Result<u64> {
    let sockets = fs::read_to_string("/proc/net/tcp")?;
    let port = format!(":{port:04X}");
    // `sl local_address rem_address st tx_queue:rx_queue …` (proc(5)), in hexadecimal.
    let queue = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let is_ours = words.next()?.ends_with(&port);
        let (sent, _) = words.nth(2)?.split_once(':')?;
        is_ours.then(|| u64::from_str_radix(sent, 16).ok())?
    };
    Ok(sockets.lines().skip(1).filter_map(queue).sum())
}

fn number_after(text: &str, word: &str) -> Option<u64> {
    let mut words = text.split_whitespace().skip_while(|&w| w != word);
    words.nth(1)?.parse().ok()
}

/// What the processor calls itself.
pub(crate) fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split(": ").nth(1)).unwrap_or("unknown processor").to_owned()
}

/// Processes that wanted a core in the last minute, on average.
pub(crate) fn load() -> f64 {
    let loads = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    loads.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(f64::NAN)
}
