//! How jobs and answers go through the pipe. A frame of jobs is: length of the head (8 bytes, little-endian), the head
//! (what is known of each job and how long its bytes are), then the bytes of each job. A frame of answers is a length and the
//! answers. Called by both ends.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::job::{Answer, Facts, Job};

/// Longest head and longest frame of answers, in bytes. The longest text of one document is far below.
const LONGEST: u64 = 1 << 30;
/// Longest job: the pipeline reads no larger file.
const LONGEST_JOB: u64 = 1 << 30;

/// The head of a frame of jobs.
#[derive(Serialize, Deserialize)]
struct Head {
    jobs: Vec<(Facts, u64)>,
}

/// A frame of answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Reply {
    /// One for each job, in order.
    pub(super) answers: Vec<Answer>,
    /// Panics that were caught on the way, for the log.
    pub(super) panics: Vec<String>,
}

/// Writes jobs.
///
/// # Errors
/// Of the pipe.
pub(super) fn send_jobs(to: impl Write, jobs: &[Job]) -> io::Result<()> {
    let head = Head { jobs: jobs.iter().map(|job| (job.facts.clone(), job.bytes.len() as u64)).collect() };
    // Many small messages go in one piece, a large file as it is.
    let mut to = io::BufWriter::with_capacity(128 << 10, to);
    send(&mut to, &head)?;
    for job in jobs {
        to.write_all(&job.bytes)?;
    }
    to.flush()
}

/// Reads jobs; `None` at the end.
///
/// # Errors
/// Of the pipe, or when what comes is no frame.
pub(super) fn receive_jobs(mut from: impl Read) -> io::Result<Option<Vec<Job>>> {
    let Some(head) = receive::<Head>(&mut from)? else { return Ok(None) };
    let mut jobs = Vec::with_capacity(head.jobs.len());
    for (facts, length) in head.jobs {
        jobs.push(Job { facts, bytes: exactly(&mut from, length, LONGEST_JOB)? });
    }
    Ok(Some(jobs))
}

/// Writes answers.
///
/// # Errors
/// Of the pipe.
pub(super) fn send_reply(mut to: impl Write, reply: &Reply) -> io::Result<()> {
    send(&mut to, reply)?;
    to.flush()
}

/// Reads answers; `None` at the end.
///
/// # Errors
/// Of the pipe, or when what comes is no frame.
pub(super) fn receive_reply(mut from: impl Read) -> io::Result<Option<Reply>> {
    receive(&mut from)
}

fn send(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    // The length first, filled in afterwards: one buffer, one piece.
    let mut frame = postcard::to_extend(message, vec![0; 8]).map_err(io::Error::other)?;
    let length = (frame.len() as u64).saturating_sub(8);
    if let Some(place) = frame.first_chunk_mut::<8>() {
        *place = length.to_le_bytes();
    }
    to.write_all(&frame)
}

fn receive<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<Option<T>> {
    let mut length = [0; 8];
    if !is_more(from, &mut length)? {
        return Ok(None);
    }
    let bytes = exactly(from, u64::from_le_bytes(length), LONGEST)?;
    postcard::from_bytes(&bytes).map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Fills `buffer`; false when there is nothing at all any more.
fn is_more(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) if filled == 0 => return Ok(false),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// `length` bytes; an error when there is no memory for them.
fn exactly(from: &mut impl Read, length: u64, longest: u64) -> io::Result<Vec<u8>> {
    if length > longest {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes is announced")));
    }
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(usize::try_from(length).unwrap_or(usize::MAX)).map_err(io::Error::other)?;
    from.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests {
    use crate::domain::{Link, LinkKind, MessageMeta, PersonMention, PersonRole, SourceType, Timestamp};
    use crate::ingest::chunk::ChunkOptions;
    use crate::ingest::detect::Detected;
    use crate::ingest::parse::ParseError;

    use super::super::job::{TextFacts, What};
    use super::super::work;
    use super::*;

    fn job(what: What, bytes: &[u8]) -> Job {
        Job { facts: Facts { what, chunks: ChunkOptions::default() }, bytes: bytes.to_vec() }
    }

    fn jobs() -> Vec<Job> {
        let file = |kind| What::File { path: "/a/b c.md".into(), modified_at: Timestamp(7), kind };
        let text = TextFacts { title: "t".into(), tags: vec!["x".into()], dated_at: None, now: Timestamp(1) };
        vec![
            job(
                file(Detected::Markdown),
                "---\naliases: [other]\ntags: [one]\n---\n# Räft\n\nsee [[b]] #two\n".as_bytes(),
            ),
            job(
                What::Message { path: "/m".into(), offset: 9, dated_at: Some(Timestamp(3)) },
                b"From: A <a@b.org>\nSubject: s\n\nbody\n",
            ),
            job(What::Text(text), b"a text"),
            job(file(Detected::Pdf), b"no pdf"),
            job(file(Detected::Unsupported("x".into())), b""),
        ]
    }

    #[test]
    fn what_goes_through_the_pipe_comes_out_the_same() {
        let sent = jobs();
        let mut pipe = Vec::new();
        send_jobs(&mut pipe, &sent).unwrap();
        let received = receive_jobs(&mut &pipe[..]).unwrap().unwrap();
        assert_eq!(format!("{received:?}"), format!("{sent:?}"));
        let mut answers: Vec<Answer> = sent.iter().map(|job| work::answer(&job.facts, &job.bytes)).collect();
        assert!(
            matches!(&answers[..3], [Answer::Read { .. }, Answer::Read { .. }, Answer::Read { .. }]),
            "{answers:?}"
        );
        assert!(matches!(&answers[3..], [Answer::Refused(_), Answer::Refused(_)]));
        // Every field that may be empty is filled once.
        if let Answer::Read { document, left_out } = &mut answers[0] {
            left_out.push("a sentence".into());
            document.source_offset = Some(u64::MAX);
            document.fingerprint = Some([9; 32]);
            document.links.push(Link { kind: LinkKind::Url, target: "u".into() });
            let person = PersonMention { email: None, name: Some("n".into()), role: PersonRole::Mentioned };
            document.people.push(person);
            document.message = Some(MessageMeta { in_reply_to: Some("i".into()), ..MessageMeta::default() });
            document.source_type = SourceType::Contact;
            let place = &mut document.chunks[0].place;
            (place.page, place.line, place.attachment) = (Some(2), None, Some("a".into()));
            document.chunks[0].vector = Some(vec![1.5]);
        }
        answers.push(Answer::Refused(ParseError::TooLarge("x".into())));
        answers.push(Answer::NotTried("y".into()));
        let mut pipe = Vec::new();
        let reply = Reply { answers, panics: vec!["p".into()] };
        send_reply(&mut pipe, &reply).unwrap();
        let received = receive_reply(&mut &pipe[..]).unwrap().unwrap();
        assert_eq!(received.answers, reply.answers);
        assert_eq!(received.panics, reply.panics);
    }

    #[test]
    fn a_frame_that_is_none_is_an_error() {
        assert!(receive_reply(&mut &b""[..]).unwrap().is_none());
        for bytes in [&b"123"[..], &[0xff; 20], &[4, 0, 0, 0, 0, 0, 0, 0, 1], &[1, 0, 0, 0, 0, 0, 0, 0, 0xff]] {
            assert!(receive_reply(&mut &bytes[..]).is_err(), "{bytes:?}");
            assert!(receive_jobs(&mut &bytes[..]).is_err(), "{bytes:?}");
        }
        let mut pipe = Vec::new();
        send_jobs(&mut pipe, &jobs()).unwrap();
        for end in 1..pipe.len() {
            assert!(receive_jobs(&mut &pipe[..end]).is_err(), "{end}");
        }
    }
}
