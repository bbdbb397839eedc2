//! A tree of small files, what can happen to it, and what lies in it. Used by `tree_property`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Folders of a tree; the last lies in another.
const FOLDERS: [&str; 4] = ["", "one", "two", "one/deep"];
/// Files of each kind, by their endings.
const NAMES: [(&str, &[&str]); 3] =
    [("md", &["a.md", "b.md", "c.md"]), ("eml", &["a.eml", "b.eml"]), ("mbox", &["m.mbox", "n.mbox"])];
/// What a picture holds: no text.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n0000 not a text";
/// Begins every word that is searched for; no other text has it.
const MARK: &str = "qz";

/// How a tree is told to the store.
#[derive(Clone, Debug)]
pub(crate) enum Scan {
    /// `ingest FOLDER`.
    Folder,
    /// As the watcher scans a folder.
    Watched,
    /// One file is named.
    Named(String),
}

/// Something that happens. Files that are not there make it nothing.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// New content.
    Write(String),
    /// Other content of the same length, under the time it had.
    WriteInPlace(String),
    /// More at the end: a message of an archive, a line of anything else.
    Append(String),
    /// More at the end, without an end of its own.
    AppendHalf(String),
    /// An archive loses its first message.
    LoseFirst(String),
    /// Moved, over what was there.
    Rename(String, String),
    /// Two change names.
    Swap(String, String),
    /// A folder gets another name.
    RenameFolder(String, String),
    /// A copy, times and all.
    Copy(String, String),
    /// Nothing is left in it.
    Empty(String),
    /// A picture under the old name.
    Picture(String),
    /// Gone.
    Delete(String),
    /// A folder gone with all in it.
    DeleteFolder(String),
    /// What it held at some time before is back.
    Restore(String),
    /// Its rights change.
    Chmod(String, u32),
    /// The store is told.
    Scan(Scan),
}

/// The sequence of `seed`. It ends with a scan.
pub(crate) fn sequence(seed: u64) -> Vec<Op> {
    let random = &mut fastrand::Rng::with_seed(seed);
    let length = random.usize(4..22);
    let mut ops: Vec<Op> = (0..random.usize(1..4)).map(|_| Op::Write(file(random))).collect();
    ops.extend((0..length).map(|_| op(random)));
    ops.push(Op::Scan(Scan::Folder));
    ops
}

fn op(random: &mut fastrand::Rng) -> Op {
    let other = |random: &mut fastrand::Rng, name: &str| {
        let ending = name.rsplit('.').next().unwrap_or_default();
        let names = NAMES.iter().find(|(kind, _)| *kind == ending).map_or(NAMES[0].1, |(_, names)| names);
        place(random, names)
    };
    let one = file(random);
    match random.u32(0..42) {
        0..=6 => Op::Write(one),
        7..=8 => Op::WriteInPlace(one),
        9..=10 => Op::Append(one),
        11 => Op::AppendHalf(one),
        12 => Op::LoseFirst(one),
        13..=16 => Op::Rename(one.clone(), other(random, &one)),
        17 => Op::Swap(one.clone(), other(random, &one)),
        18..=19 => Op::RenameFolder(folder(random), folder(random)),
        20..=22 => Op::Copy(one.clone(), other(random, &one)),
        23 => Op::Empty(one),
        24 => Op::Picture(one),
        25..=27 => Op::Delete(one),
        28 => Op::DeleteFolder(folder(random)),
        29..=30 => Op::Restore(one),
        31 => Op::Chmod(one, if random.bool() { 0o600 } else { 0o000 }),
        32..=36 => Op::Scan(Scan::Folder),
        37..=39 => Op::Scan(Scan::Watched),
        _ => Op::Scan(Scan::Named(one)),
    }
}

fn folder(random: &mut fastrand::Rng) -> String {
    FOLDERS[random.usize(1..FOLDERS.len())].to_owned()
}

fn place(random: &mut fastrand::Rng, names: &[&str]) -> String {
    let folder = FOLDERS[random.usize(..FOLDERS.len())];
    let name = names[random.usize(..names.len())];
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

fn file(random: &mut fastrand::Rng) -> String {
    let kind = [0, 0, 0, 1, 2, 2][random.usize(..6)];
    place(random, NAMES[kind].1)
}

/// The words that are searched for in a text.
pub(crate) fn words_of(bytes: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(bytes);
    let words = text.split(|character: char| !character.is_ascii_alphabetic());
    words.filter(|word| word.starts_with(MARK)).map(str::to_owned).collect()
}

/// Writes a file, whatever its rights were.
fn overwrite(path: &Path, content: &[u8]) {
    if fs::write(path, content).is_err() {
        fs::remove_file(path).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// A tree on disk.
pub(crate) struct Tree {
    pub(crate) root: PathBuf,
    pub(crate) number: u64,
    /// Every word that ever was in it.
    pub(crate) ever: BTreeSet<String>,
    /// What files held once.
    before: BTreeMap<String, Vec<u8>>,
    next: u64,
}

impl Tree {
    /// An empty tree.
    pub(crate) fn at(root: PathBuf, number: u64) -> Self {
        fs::create_dir_all(&root).unwrap();
        Self { root, number, ever: BTreeSet::new(), before: BTreeMap::new(), next: 0 }
    }

    /// A word nobody had before, always of one length: letters alone, so that no reader cuts or bends it.
    fn word(&mut self) -> String {
        self.next += 1;
        let number = format!("{:08}{:03}", self.number, self.next);
        let word: String = number.bytes().map(|digit| char::from(b"bcdfghjklm"[usize::from(digit - b'0')])).collect();
        let word = format!("{MARK}{word}");
        self.ever.insert(word.clone());
        word
    }

    fn message(&mut self) -> String {
        let word = self.word();
        // Few ids, so that many mails share one.
        let id = self.next % 3;
        format!(
            "From: Ann <ann@example.org>\nTo: bob@example.org\nSubject: About\nDate: Thu, 1 Feb 2024 10:00:00 +0000\n\
             Message-ID: <{id}.{}@example.org>\n\nThe text says {word}.\n",
            self.number
        )
    }

    fn content(&mut self, name: &str) -> Vec<u8> {
        let content = match name.rsplit('.').next() {
            Some("eml") => self.message(),
            Some("mbox") => (0..=self.next % 3).map(|_| self.separated()).collect(),
            _ => format!("The text says {}.\n", self.word()),
        };
        content.into_bytes()
    }

    fn separated(&mut self) -> String {
        format!("From ann@example.org Thu Feb  1 10:00:00 2024\n{}\n", self.message())
    }

    fn put(&mut self, name: &str, content: &[u8]) {
        let path = self.root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        overwrite(&path, content);
        self.before.insert(name.to_owned(), content.to_vec());
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.root.join(name)).ok().filter(|content| !content.is_empty() && content != PICTURE)
    }

    /// Lets it happen.
    pub(crate) fn apply(&mut self, op: &Op) {
        let at = |name: &str| self.root.join(name);
        match op {
            Op::Write(name) => {
                let content = self.content(name);
                self.put(name, &content);
            }
            Op::WriteInPlace(name) => {
                let (Some(old), Ok(metadata)) = (self.read(name), fs::metadata(at(name))) else { return };
                let time: SystemTime = metadata.modified().unwrap();
                let mut new = String::from_utf8_lossy(&old).into_owned();
                for word in words_of(&old) {
                    let other = self.word();
                    new = new.replace(&word, &other);
                }
                self.put(name, new.as_bytes());
                fs::File::options().write(true).open(self.root.join(name)).unwrap().set_modified(time).unwrap();
            }
            Op::Append(name) => {
                let Some(mut content) = self.read(name) else { return };
                let more = if name.ends_with("mbox") && content.ends_with(b"\n\n") {
                    self.separated()
                } else {
                    format!("More of {}.\n\n", self.word())
                };
                content.extend_from_slice(more.as_bytes());
                self.put(name, &content);
            }
            Op::AppendHalf(name) => {
                let Some(mut content) = self.read(name) else { return };
                content.extend_from_slice(format!("and {}\n", self.word()).as_bytes());
                self.put(name, &content);
            }
            Op::LoseFirst(name) => {
                let Some(content) = self.read(name).filter(|_| name.ends_with("mbox")) else { return };
                let second = content.windows(7).skip(1).position(|window| window == b"\n\nFrom ");
                if let Some(rest) = second.and_then(|second| content.get(second + 3..)) {
                    self.put(name, rest);
                }
            }
            Op::Rename(from, to) => {
                if at(from).exists() {
                    fs::create_dir_all(at(to).parent().unwrap()).unwrap();
                    fs::rename(at(from), at(to)).unwrap();
                }
            }
            Op::Swap(one, other) => {
                if one != other && at(one).exists() && at(other).exists() {
                    fs::rename(at(one), at(".between")).unwrap();
                    fs::rename(at(other), at(one)).unwrap();
                    fs::rename(at(".between"), at(other)).unwrap();
                }
            }
            Op::RenameFolder(from, to) => {
                // Not into itself, and not over another.
                if at(from).is_dir() && !at(to).exists() && !Path::new(to).starts_with(from) {
                    fs::create_dir_all(at(to).parent().unwrap()).unwrap();
                    fs::rename(at(from), at(to)).unwrap();
                }
            }
            Op::Copy(from, to) => {
                let Ok(metadata) = fs::metadata(at(from)) else { return };
                if from != to {
                    fs::create_dir_all(at(to).parent().unwrap()).unwrap();
                    fs::copy(at(from), at(to)).unwrap();
                    let copied = fs::File::options().write(true).open(at(to)).unwrap();
                    copied.set_modified(metadata.modified().unwrap()).unwrap();
                }
            }
            Op::Empty(name) => {
                if at(name).exists() {
                    overwrite(&at(name), b"");
                }
            }
            Op::Picture(name) => {
                if at(name).exists() {
                    overwrite(&at(name), PICTURE);
                }
            }
            Op::Delete(name) => drop(fs::remove_file(at(name))),
            Op::DeleteFolder(name) => drop(fs::remove_dir_all(at(name))),
            Op::Restore(name) => {
                if let Some(content) = self.before.get(name).cloned() {
                    self.put(name, &content);
                }
            }
            Op::Chmod(name, mode) => {
                if at(name).exists() {
                    fs::set_permissions(at(name), fs::Permissions::from_mode(*mode)).unwrap();
                }
            }
            Op::Scan(_) => {}
        }
    }

    /// Every word that lies in the tree, with the files that hold it: of those that can be read.
    pub(crate) fn words(&self) -> BTreeMap<String, BTreeSet<PathBuf>> {
        let mut words: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if let Ok(content) = fs::read(&path) {
                    for word in words_of(&content) {
                        words.entry(word).or_default().insert(path.clone());
                    }
                }
            }
        }
        words
    }
}
