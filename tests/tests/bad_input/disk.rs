//! A disk of a few MiB: a tmpfs in a mount namespace of its own, which a helper process holds and the programs under test
//! enter. Nothing is mounted for anybody else, and it is gone with the helper, which ends when this process does, killed or
//! not.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Set to anything, these tests are left out, for a system that allows no namespaces.
const LEFT_OUT: &str = "UNDERTONE_TESTS_WITHOUT_SMALL_DISKS";

/// Name of what fills it.
const FILLER: &str = "filler";

/// Files and folders that there may be.
const FILES: usize = 512;

/// A small disk.
pub(crate) struct Disk {
    helper: Child,
    mount_point: TempDir,
    /// Whether the namespace belongs to a user namespace, which needs no rights, or to this system, which needs root.
    user_namespace: bool,
}

impl Disk {
    /// Makes one; `None` only if whoever runs the tests left them out.
    ///
    /// # Panics
    /// When the system allows none.
    pub(crate) fn of_mib(size: u32) -> Option<Self> {
        if std::env::var_os(LEFT_OUT).is_some() {
            return None;
        }
        let why = match Self::mount(size, true) {
            Ok(disk) => return Some(disk),
            Err(why) => why,
        };
        match Self::mount(size, false) {
            Ok(disk) => Some(disk),
            Err(_) => panic!(
                "this system allows no small disk to be mounted in a namespace ({}): allow user namespaces, or run the \
                 tests as root, or leave these out by {LEFT_OUT}=1",
                why.trim()
            ),
        }
    }

    fn mount(size: u32, user_namespace: bool) -> Result<Self, String> {
        let mount_point = tempfile::tempdir().unwrap();
        let mut command = Command::new("unshare");
        if user_namespace {
            command.args(["--user", "--map-root-user"]);
        }
        let options = format!("size={size}m,nr_inodes={FILES}");
        let script =
            format!("mount -t tmpfs -o {options} tmpfs \"$0\" && echo mounted && exec cat");
        let mut helper = command
            .args(["--mount", "sh", "-c", &script])
            .arg(mount_point.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut line = String::new();
        BufReader::new(helper.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        if line == "mounted\n" {
            return Ok(Self {
                helper,
                mount_point,
                user_namespace,
            });
        }
        let mut why = String::new();
        helper.stderr.take().unwrap().read_to_string(&mut why).ok();
        helper.wait().unwrap();
        Err(why)
    }

    /// Where it is for a program that [entered](Self::enter).
    pub(crate) fn path(&self) -> &Path {
        self.mount_point.path()
    }

    /// The same program where the disk is.
    pub(crate) fn enter(&self, program: &Command) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.helper.id().to_string(), "--mount"]);
        if self.user_namespace {
            command.args(["--user", "--preserve-credentials"]);
        }
        command.arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }

    /// Leaves not a byte.
    pub(crate) fn fill(&self) {
        let mut filler = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.reached().join(FILLER))
            .unwrap();
        loop {
            match filler.write(&[0x55; 4_096]) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Leaves room for bytes, but not for one file more.
    pub(crate) fn fill_with_files(&self) {
        for number in 0.. {
            match fs::create_dir(self.reached().join(format!("{FILLER}-{number}"))) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Gives back what was taken to fill it.
    pub(crate) fn free(&self) {
        for entry in fs::read_dir(self.reached()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name == FILLER {
                fs::remove_file(path).unwrap();
            } else if name.starts_with(FILLER) {
                fs::remove_dir(path).unwrap();
            }
        }
    }

    /// Where this process reaches it.
    fn reached(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.helper.id()));
        root.join(self.path().strip_prefix("/").unwrap())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.helper.kill();
        let _ = self.helper.wait();
    }
}
