//! What a parser's process may do: compute, and read and write the pipe it was given. Called by the process itself, before
//! the first byte of a file reaches it.
//!
//! Limits hold everywhere (`setrlimit`): memory by address space, time by processor time, no file written, no file opened
//! (no descriptor is left for it), no core dumped. On Linux a seccomp filter refuses every system call that is not needed
//! to compute: no socket, no open, no program started. Where the system has no such filter, the limits stay.

use std::io;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Address space of a parser with nothing to read, in bytes: the program, its model, threads, and room to work. What the
/// worst of the known real files needs is a third of it.
const ADDRESS_SPACE: u64 = 1536 << 20;
/// Address space on top, for each byte of a job: texts are held several times on their way.
const ADDRESS_SPACE_PER_BYTE: u64 = 8;
/// Descriptors: standard input, output, error, the pipe, and those the system opens for a moment.
const DESCRIPTORS: u64 = 8;

/// Processor time of any jobs. A PDF gives up by itself before.
pub(super) const PROCESSOR_TIME: Duration = Duration::from_secs(75);

/// How much processor time jobs of `bytes` may take together, `base` for any.
#[must_use]
pub(super) fn processor_time(bytes: u64, base: Duration) -> Duration {
    base + Duration::from_secs(2) * u32::try_from(bytes >> 20).unwrap_or(u32::MAX / 4)
}

/// Gives up everything but what parsing needs.
///
/// # Errors
/// When the system refuses a limit: a parser that is not confined reads nothing.
pub(super) fn confine() -> io::Result<()> {
    for (resource, most) in [(Resource::Core, 0), (Resource::Fsize, 0), (Resource::Nofile, DESCRIPTORS)] {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    filter::install();
    Ok(())
}

/// Limits memory and time for the next jobs, `bytes` long together; `base` is the time for any.
///
/// # Errors
/// When the system refuses.
pub(super) fn allow(bytes: u64, base: Duration) -> io::Result<()> {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(used.tv_sec).unwrap_or(0).saturating_add(processor_time(bytes, base).as_secs());
    limit(Resource::Cpu, seconds)?;
    limit(Resource::As, ADDRESS_SPACE.saturating_add(bytes.saturating_mul(ADDRESS_SPACE_PER_BYTE)))
}

/// Sets the soft limit, which may be raised again for the next job, up to the hard one that was inherited.
fn limit(resource: Resource, wanted: u64) -> io::Result<()> {
    let maximum = getrlimit(resource).maximum;
    let current = Some(maximum.map_or(wanted, |maximum| wanted.min(maximum)));
    Ok(setrlimit(resource, Rlimit { current, maximum })?)
}

#[cfg(target_os = "linux")]
mod filter {
    //! The seccomp filter.

    use std::collections::BTreeMap;

    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, TargetArch};

    /// What computing needs of the system: memory, threads, time, random seeds, an end; and the pipe.
    const NEEDED: &[i64] = &[
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_readv,
        libc::SYS_writev,
        libc::SYS_recvfrom,
        libc::SYS_sendto,
        libc::SYS_close,
        libc::SYS_ppoll,
        libc::SYS_mmap,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_mprotect,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_sched_getaffinity,
        libc::SYS_clone,
        libc::SYS_clone3,
        libc::SYS_set_robust_list,
        libc::SYS_rseq,
        libc::SYS_prctl,
        libc::SYS_set_tid_address,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_getrandom,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_nanosleep,
        libc::SYS_gettimeofday,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_tgkill,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sigaltstack,
        libc::SYS_restart_syscall,
        libc::SYS_prlimit64,
        libc::SYS_getrlimit,
        libc::SYS_setrlimit,
    ];

    /// Installs it for this thread and all it will start. A system without it leaves the limits alone.
    pub(super) fn install() {
        let Some(program) = program() else { return };
        // Refused where the system has no filters, or where somebody outside forbids them: then as well without.
        let _ = seccompiler::apply_filter(&program);
    }

    fn program() -> Option<BpfProgram> {
        let architecture = TargetArch::try_from(std::env::consts::ARCH).ok()?;
        let rules: BTreeMap<i64, Vec<seccompiler::SeccompRule>> =
            NEEDED.iter().map(|call| (*call, Vec::new())).collect();
        // An error, not a kill: libraries that look for a file they can do without go on.
        let refused = SeccompAction::Errno(u32::try_from(libc::EPERM).ok()?);
        SeccompFilter::new(rules, refused, SeccompAction::Allow, architecture).ok()?.try_into().ok()
    }
}

#[cfg(not(target_os = "linux"))]
mod filter {
    //! No filter here: the limits alone.

    /// Nothing to install.
    pub(super) fn install() {}
}
