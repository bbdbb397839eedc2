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
    let again: Vec<_> = MboxReader::new(&archive[51..], 51).with_head(archive).map(Result::unwrap).collect();
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
    assert_eq!(bodies(b"From x@y\nTo: b\nSubject: c\n\nbody\nFrom z@y\nhello\n").len(), 1);
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
    assert_eq!(read(b"From -\nSubject: 1\n\none\nFrom - \nMessage-ID: <2@x>\nTo: x\n\ntwo\n").len(), 2);
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

/// Messages as `From `-free text, one a separator.
fn archive_of(separators: &[&str], blank: &str) -> Vec<u8> {
    let messages = separators.iter().enumerate().map(|(number, separator)| {
        format!("{separator}\nFrom: S <s@x.org>\nSubject: {number}\nDate: Tue, 12 Mar 2024 10:00:00 +0000\n\nbody {number}\n{blank}")
    });
    messages.collect::<Vec<String>>().concat().into_bytes()
}

#[test]
fn an_archive_has_a_shape_of_its_own() {
    let shapes = [
        "From a@x.org Tue Mar 12 10:00:00 2024",
        "From - Tue Mar 12 10:00:00 2024",
        "From - Sat Apr 12 2025 15:59:28",
        "From 1780000000000000001@xxx Tue Mar 12 10:00:00 +0000 2024",
        "From a@x.org Tue, 12 Mar 2024 10:00:00 +0100",
        "From a@x.org Thu Nov 1 11:19:12 CET 2001 remote from y",
        "From a@x.org 2025-06-15T10:00:00Z",
        "From a@x.org 2025-06-15 10:00:00 +0200",
        "From a@x.org 2025-06-15",
        "From a@x.org",
        "From jjl at pobox.com  Thu Nov  1 11:19:12 2001",
        "From Tue Mar 12 10:00:00 2024",
        "From - ",
        "From ",
    ];
    for shape in shapes {
        for blank in ["\n", ""] {
            for end in ["\n", "\r\n", "\r"] {
                let archive = archive_of(&[shape, shape, shape], blank);
                let archive = String::from_utf8(archive).unwrap().replace('\n', end);
                assert_eq!(bodies(archive.as_bytes()).len(), 3, "{shape:?} {blank:?} {end:?}");
            }
        }
    }
}

#[test]
fn the_body_does_not_divide() {
    let texts = [
        "From now on you can access your space in any browser by\nvisiting: the portal.",
        "From the President president@example.com\nNote: the clause stays.",
        "From john.doe@example.com 2025-06-15\n\nand the sentence goes on",
        "From john.doe@example.com 2025-06-15\nSubject: text",
        "From john.doe@example.com\nSubject: text",
        "From john.doe@example.com\n\ntext",
        "From 10:30 to noon on Tue Mar 12 2024\nwe wait",
        "From our meeting on Tue Mar 12 10:00:00 2024\nTopic: none",
        "From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\nFrom: A <a@x.org>\nDate: Tue, 12 Mar 2024 10:00:00 +0000\nSubject: [PATCH] x\n\n---",
        "From 0123456789abcdef0123456789abcdef01234567 Tue Mar 12 10:00:00 2024\nFrom: A <a@x.org>\nSubject: [PATCH] x\n\n---",
        "From \nSubject: text",
        "From \nthe beginning",
        "From a@x.org Tue Mar 12 10:00:00 2024\n\nis what such a line looks like",
    ];
    for shape in ["From a@x.org Tue Mar 12 10:00:00 2024", "From - Tue Mar 12 10:00:00 2024"] {
        for text in texts {
            for lead in ["", "a line before\n"] {
                let mut archive = archive_of(&[shape], "");
                archive.extend_from_slice(format!("\n{lead}{text}\n\n").as_bytes());
                archive.extend(archive_of(&[shape], "\n"));
                let found = bodies(&archive);
                assert_eq!(found.len(), 2, "{shape} {lead:?} {text:?}: {found:#?}");
                assert!(found[0].contains(text), "{text}");
            }
        }
    }
    // A line of another shape divides nothing, though headers follow.
    let mut archive = archive_of(&["From - Tue Mar 12 10:00:00 2024"], "\n");
    archive.extend(archive_of(&["From b@x.org Tue Mar 12 10:00:00 2024"], "\n"));
    assert_eq!(bodies(&archive).len(), 1);
    // And one of the right shape in the middle of a paragraph does not where blank lines stand before all others.
    let own = "From a@x.org Tue Mar 12 10:00:00 2024";
    let mut archive = archive_of(&[own, own], "\n");
    archive.extend_from_slice(
        format!("{own}\nSubject: 3\n\nSuch a file looks so:\n{own}\nSubject: example\n\nend\n\n").as_bytes(),
    );
    assert_eq!(bodies(&archive).len(), 3);
}

#[test]
fn thunderbird_marks_what_it_appends() {
    let mark = "X-Mozilla-Status: 0001\nX-Mozilla-Status2: 00000000";
    for own in ["From a@x.org Tue Mar 12 10:00:00 2024", "From - Tue Mar 12 10:00:00 2024"] {
        let appended = [format!("From - Tue Mar 12 11:00:00 2024\n{mark}"), format!("From \n{mark}")];
        for appended in appended {
            assert_eq!(bodies(&archive_of(&[own, &appended, &appended], "\n")).len(), 3, "{own} {appended}");
        }
    }
}

#[test]
fn patches_in_an_archive_of_patches() {
    let line = "From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001";
    let archive = archive_of(&[line, line], "\n");
    let items: Vec<_> = read(&archive).into_iter().map(Result::unwrap).collect();
    assert_eq!(items.len(), 2);
    assert!(items.iter().all(|item| item.dated_at.is_none()));
}

#[test]
fn a_second_line_of_the_same_message() {
    for second in
        [">From - Sat Apr 12 2025 15:59:28", "From - Sat Apr 12 2025 15:59:28", "From a@x.org Fri Apr 11 15:36:11 2025"]
    {
        let line = format!("From news@x.org Fri Apr 11 15:36:11 2025\n{second}");
        let archive = archive_of(&[&line, &line], "\n");
        assert_eq!(read(&archive).len(), 2, "{second}");
    }
}

#[test]
fn separators_name_dates() {
    for (line, moment) in [
        ("From a@x.org Thu Nov  1 11:19:12 2001", Some(1_004_613_552_000)),
        ("From - Thu Nov  1 11:19:12 2001", Some(1_004_613_552_000)),
        ("From 12@xxx Thu Nov 01 12:19:12 +0100 2001", Some(1_004_613_552_000)),
        ("From jjl at pobox.com  Thu Nov  1 11:19:12 2001", Some(1_004_613_552_000)),
        ("From - Thu Nov 01 2001 11:19:12", Some(1_004_613_552_000)),
        ("From a@x.org 2001-11-01T11:19:12Z", Some(1_004_613_552_000)),
        ("From a@x.org", None),
        ("From ", None),
    ] {
        let item = read(&archive_of(&[line], "\n")).remove(0).unwrap();
        assert_eq!(item.dated_at.map(|moment| moment.0), moment, "{line}");
    }
}

#[test]
fn deleted_messages_are_left_out() {
    let line = |status: &str| format!("From - Tue Mar 12 10:00:00 2024\nX-Mozilla-Status: {status}");
    let archive = archive_of(&[&line("0001"), &line("0009"), &line("0019"), &line("0011")], "\n");
    let items = read(&archive);
    assert_eq!(items.iter().filter(|item| item.is_ok()).count(), 2);
    let left_out: Vec<_> = items.iter().filter_map(|item| item.as_ref().err()).collect();
    assert!(left_out.iter().all(|error| error.is_left_out && error.reason.contains("Thunderbird")));
    assert_eq!(left_out.len(), 2);
}

#[test]
fn half_a_last_message_is_read_again() {
    let own = "From a@x.org Tue Mar 12 10:00:00 2024";
    let whole = archive_of(&[own, own, own], "\n");
    let all: Vec<_> = read(&whole).into_iter().map(Result::unwrap).collect();
    assert!(all.iter().all(|message| message.cut_off.is_none()));
    let second = usize::try_from(all[1].offset).unwrap();
    let third = usize::try_from(all[2].offset).unwrap();
    // Cut anywhere in the last message: it says so, and a pass from its offset over the grown file gives the rest.
    for end in third + own.len() + 1..whole.len() {
        let items: Vec<_> = read(&whole[..end]).into_iter().map(Result::unwrap).collect();
        let last = items.last().unwrap();
        assert!(last.cut_off.is_some(), "{:?}", String::from_utf8_lossy(&last.bytes));
        let start = usize::try_from(last.offset).unwrap();
        let again: Vec<_> =
            MboxReader::new(&whole[start..], last.offset).with_head(&whole[..end]).map(Result::unwrap).collect();
        assert_eq!(again, all[items.len() - 1..], "{end}");
    }
    assert_eq!(read(&whole[..second]).len(), 1);
}

#[test]
fn uw_mbx_flags() {
    let mut archive = b"*mbx*\r\n0000000100000002\r\n".to_vec();
    archive.resize(2048, 0);
    for flags in ["0001", "0003", "0000"] {
        archive.extend_from_slice(
            format!(" 1-Nov-2001 11:19:12 +0000,12;00000000{flags}-00000001\r\nSubject: 1\r\n").as_bytes(),
        );
    }
    let items = read(&archive);
    assert_eq!(items[0].as_ref().unwrap().dated_at, Some(Timestamp(1_004_613_552_000)));
    assert!(items[1].as_ref().unwrap_err().is_left_out);
    assert!(items[2].is_ok());
    archive.truncate(archive.len() - 3);
    assert!(read(&archive)[2].as_ref().unwrap().cut_off.is_some());
}
