use super::*;

fn read(archive: &[u8]) -> Vec<Result<RawMessage, MboxError>> {
    MboxReader::new(archive, 0).collect()
}

fn bodies(archive: &[u8]) -> Vec<String> {
    read(archive).into_iter().map(|item| String::from_utf8(item.unwrap().bytes).unwrap()).collect()
}

#[test]
fn messages_and_offsets() {
    let archive = b"From a@x Thu Nov  1 11:19:12 2001\nSubject: 1\n\none\n\nFrom b@x Thu Nov  1 11:19:12 2001\nSubject: 2\n\ntwo\n";
    let items: Vec<_> = read(archive).into_iter().map(Result::unwrap).collect();
    assert_eq!(items[0].bytes, b"Subject: 1\n\none\n");
    assert_eq!((items[0].offset, items[0].end_offset), (0, 51));
    assert_eq!(items[1].bytes, b"Subject: 2\n\ntwo\n");
    assert_eq!((items[1].offset, items[1].end_offset), (51, archive.len() as u64));
    // A later pass that starts at the second message sees the same.
    let again: Vec<_> = MboxReader::new(&archive[51..], 51).map(Result::unwrap).collect();
    assert_eq!(again, items[1..]);
    // And one that starts at the end sees nothing until something is appended.
    assert_eq!(MboxReader::new(&b""[..], archive.len() as u64).count(), 0);
    let appended = b"\nFrom c@x Thu Nov  1 11:19:12 2001\nSubject: 3\n\nthree\n";
    let tail: Vec<_> = MboxReader::new(&appended[..], archive.len() as u64).map(Result::unwrap).collect();
    assert_eq!(tail[0].offset, archive.len() as u64 + 1);
    assert_eq!(tail[0].bytes, b"Subject: 3\n\nthree\n");
}

#[test]
fn sentences_do_not_separate() {
    let archive = b"From -\nSubject: film\n\nThe best:\n\nFrom Russia with love\nYear: 1963\n\nFrom 10:30 to noon in 2001 we wait.\n";
    assert_eq!(read(archive).len(), 1);
    assert_eq!(bodies(b"From x@y\nA: b\n\nbody\nFrom z@y\nhello\n").len(), 1);
}

#[test]
fn separators_of_many_programs() {
    for line in [
        "From MAILER-DAEMON Sat Aug 28 14:17:14 2021",
        "From - Mon Jun  3 12:50:27 1996",
        "From 1844347792267117879@xxx Mon Jan 01 10:00:00 +0000 2024",
        "From 1844347792267117879@xxx",
        "From jjl at pobox.com  Thu Nov  1 11:19:12 2001",
        "From ???@??? Thu Nov 01 11:19:12 2001",
        "From a@x Thu Nov 1 11:19:12 CET 2001 remote from y",
    ] {
        let archive = format!("From -\nSubject: 1\n\none\n\n{line}\nSubject: 2\n\ntwo\n");
        assert_eq!(bodies(archive.as_bytes()), ["Subject: 1\n\none\n", "Subject: 2\n\ntwo\n"], "{line}");
    }
    // Without the blank line only a dated separator with a real header behind it counts.
    assert_eq!(read(b"From -\nSubject: 1\n\none\nFrom - \nMessage-ID: <2@x>\n\ntwo\n").len(), 2);
}

#[test]
fn escapes_and_line_ends() {
    let archive = b"From -\nSubject: 1\n\n>From me\n>>From you\n> From them\n";
    assert_eq!(bodies(archive), ["Subject: 1\n\nFrom me\n>From you\n> From them\n"]);
    assert_eq!(
        bodies(b"From -\r\nSubject: 1\r\n\r\none\r\n\r\nFrom -\r\nSubject: 2\r\n\r\ntwo"),
        ["Subject: 1\r\n\r\none\r\n", "Subject: 2\r\n\r\ntwo"]
    );
    assert_eq!(
        bodies(b"From -\rSubject: 1\r\rone\r\rFrom -\rSubject: 2\r\rtwo\r"),
        ["Subject: 1\n\none\n", "Subject: 2\n\ntwo\n"]
    );
    assert_eq!(bodies(b"\xEF\xBB\xBFFrom -\nSubject: 1\n\n\0one\0\n"), ["Subject: 1\n\n\0one\0\n"]);
}

#[test]
fn junk_is_reported_not_lost() {
    let items = read(b"some notes\nmore\n\nFrom -\nSubject: 1\n\none\n");
    let error = items[0].as_ref().unwrap_err();
    assert_eq!((error.offset, error.end_offset), (0, 17));
    assert!(items[1].is_ok());
    assert_eq!(read(b"\n\n  \nFrom -\nSubject: 1\n\none\n").len(), 1);
    assert_eq!(read(b"no mail at all, only prose").len(), 1);
    assert!(read(b"no mail at all, only prose")[0].is_err());
    assert_eq!(read(b"").len(), 0);
    // One message saved without any separator is a message.
    assert_eq!(bodies(b"Subject: alone\nFrom: a@x\n\nbody\n"), ["Subject: alone\nFrom: a@x\n\nbody\n"]);
}

#[test]
fn over_long_messages_are_stepped_over() {
    let mut archive = b"From -\nSubject: 1\n\n".to_vec();
    archive.extend(std::iter::repeat_n(b'x', 300_000));
    archive.extend_from_slice(b"\n\nFrom -\nSubject: 2\n\ntwo\n");
    let items: Vec<_> = MboxReader::new(archive.as_slice(), 0).with_limit(100_000).collect();
    let error = items[0].as_ref().unwrap_err();
    assert_eq!((error.offset, error.end_offset), (0, 300_021));
    assert_eq!(items[1].as_ref().unwrap().bytes, b"Subject: 2\n\ntwo\n");
}

#[test]
fn uw_mbx_files() {
    let mut archive = b"*mbx*\r\n0000000100000002\r\n".to_vec();
    archive.resize(2048, 0);
    let first = b"Subject: 1\r\n\r\nFrom me, not a separator\r\n";
    archive
        .extend_from_slice(format!(" 1-Nov-2001 11:19:12 +0000,{};000000000001-00000001\r\n", first.len()).as_bytes());
    archive.extend_from_slice(first);
    let second_offset = archive.len();
    archive.extend_from_slice(b" 2-Nov-2001 11:19:12 +0000,14;000000000001-00000002\r\nSubject: 2\r\n\r\n");
    let items: Vec<_> = read(&archive).into_iter().map(Result::unwrap).collect();
    assert_eq!(items[0].bytes, first);
    assert_eq!(items[1].bytes, b"Subject: 2\r\n\r\n");
    let again: Vec<_> = MboxReader::new(&archive[second_offset..], second_offset as u64).map(Result::unwrap).collect();
    assert_eq!(again, items[1..]);
}

#[test]
fn a_failing_disk_is_an_error_item() {
    struct Failing;
    impl io::Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("disk on fire"))
        }
    }
    let items: Vec<_> = MboxReader::new(io::BufReader::new(Failing), 0).collect();
    assert_eq!(items.len(), 1);
    assert!(items[0].as_ref().unwrap_err().reason.contains("disk on fire"));
}
