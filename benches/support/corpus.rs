//! A synthetic archive for load measurements: Zipf-distributed words, the same bytes for the same seed.

use std::io::{BufWriter, Write};
use std::path::Path;

/// Words in the vocabulary.
const VOCABULARY: usize = 30_000;
/// Exponent of the distribution, as in English text.
const EXPONENT: f64 = 1.07;

/// Draws words with probability ∝ 1 / rank^1.07.
pub struct Zipf {
    cumulative: Vec<f64>,
    words: Vec<String>,
    random: fastrand::Rng,
}

impl Zipf {
    /// A source of words.
    pub fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut total = 0.0;
        let cumulative = (1..=VOCABULARY)
            .map(|rank| {
                total += (rank as f64).powf(-EXPONENT);
                total
            })
            .collect();
        let words = (0..VOCABULARY).map(|_| pronounceable(&mut random)).collect();
        Self { cumulative, words, random }
    }

    /// The next word.
    pub fn word(&mut self) -> &str {
        let point = self.random.f64() * self.cumulative[VOCABULARY - 1];
        let rank = self.cumulative.partition_point(|sum| *sum < point);
        &self.words[rank.min(VOCABULARY - 1)]
    }

    /// The word of a rank, from 0 (most frequent).
    pub fn ranked(&self, rank: usize) -> &str {
        &self.words[rank]
    }
}

fn pronounceable(random: &mut fastrand::Rng) -> String {
    let consonants = b"bcdfghjklmnprstvwz";
    let vowels = b"aeiou";
    (0..random.usize(2..5))
        .flat_map(|_| [consonants[random.usize(..consonants.len())], vowels[random.usize(..vowels.len())]])
        .map(char::from)
        .collect()
}

/// Writes an archive of `messages` messages of about `words` words each.
pub fn write_archive(path: &Path, messages: usize, words: usize, seed: u64) -> std::io::Result<()> {
    let mut zipf = Zipf::new(seed);
    let mut random = fastrand::Rng::with_seed(seed ^ 1);
    let mut out = BufWriter::new(std::fs::File::create(path)?);
    for n in 0..messages {
        let sender = random.usize(0..500);
        let reply = if n % 4 == 0 { String::new() } else { format!("In-Reply-To: <m{}@load.test>\n", n - 1) };
        let subject = format!("{} {} {}", zipf.word().to_owned(), zipf.word().to_owned(), zipf.word());
        write!(
            out,
            "From load Thu Jan  1 00:00:00 2024\nFrom: Sender {sender} <s{sender}@load.test>\nTo: list@load.test\n\
             Subject: {subject}\nDate: Thu, 1 Feb 2024 10:{:02}:00 +0000\nMessage-ID: <m{n}@load.test>\n{reply}\n",
            n % 60,
        )?;
        for k in 0..words {
            let end = if k % 12 == 11 { ".\n" } else { " " };
            write!(out, "{}{end}", zipf.word())?;
        }
        out.write_all(b"\n\n")?;
    }
    out.flush()
}
