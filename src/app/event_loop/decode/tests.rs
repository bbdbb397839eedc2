use tui_textarea::{Input, Key};

use super::*;

fn decoded(bytes: &[u8]) -> Vec<Event> {
    let (mut decoder, mut events) = (Decoder::default(), Vec::new());
    decoder.feed(bytes, &mut events);
    decoder.settle(&mut events);
    events
}

/// Keys in the words of the configuration, everything else in a word of its own.
fn names(bytes: &[u8]) -> Vec<String> {
    let name = |event: Event| match event {
        Event::Key(input) => crate::app::keymap::key_name(&input).unwrap_or_else(|| "?".to_owned()),
        Event::Pasted(text) => format!("paste {text:?}"),
        Event::Scrolled(by) => format!("scroll {by}"),
        Event::Clicked { column, row } => format!("click {column} {row}"),
        other => format!("{other:?}"),
    };
    decoded(bytes).into_iter().map(name).collect()
}

#[test]
fn keys_as_terminals_send_them() {
    for (bytes, expected) in [
        (&b"aA\r\t\x7f\x03\x1a\x00\x1c"[..], "a A enter tab backspace ctrl-c ctrl-z ctrl-space ctrl-4"),
        ("é日🙂".as_bytes(), "é 日 🙂"),
        (b"\x1b", "esc"),
        (b"\x1b\x1b", "esc esc"),
        (b"\x1ba\x1b\x7f\x1b\r\x1b\x0c", "alt-a alt-backspace esc enter esc ctrl-l"),
        (b"\x1b[A\x1bOB\x1b[1;5C\x1b[1;3D\x1b[Z", "up down ctrl-right alt-left backtab"),
        (b"\x1b\x1b[A", "alt-up"),
        (b"\x1b[H\x1b[4~\x1b[5~\x1b[6;2~\x1b[3~\x1b[7~", "home end pageup pagedown delete home"),
        (b"\x1bOP\x1b[15~\x1b[24~\x1b[[A\x1b[1;2R", "f1 f5 f12 f1 f3"),
        (b"\x1b[97;5u\x1b[27u\x1b[13;1:3u\x1b[27;5;105~", "ctrl-a esc ctrl-i"),
        (b"\x1bOM\x1bOj\x1bOp", "enter * 0"),
        (b"\x1b[[\x0cq", "ctrl-l q"),
        (b"\x1b]3\rx\x0cq", "enter x ctrl-l q"),
        (b"\x1b[", "alt-["),
        (b"\x1bO", "alt-O"),
        (b"\x1b]", "alt-]"),
    ] {
        assert_eq!(names(bytes).join(" "), expected, "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn the_mouse_in_three_dialects() {
    assert_eq!(names(b"\x1b[<0;5;7M\x1b[<0;5;7m\x1b[<64;1;1M\x1b[<65;1;1M"), ["click 4 6", "scroll -3", "scroll 3"]);
    assert_eq!(names(b"\x1b[32;5;7M\x1b[M %'"), ["click 4 6", "click 4 6"]);
    assert_eq!(names(b"\x1b[<0;0;0M\x1b[<0;99999;1M"), ["click 0 0", "click 65535 0"]);
}

#[test]
fn a_paste_is_text_with_its_lines() {
    assert_eq!(names(b"\x1b[200~a.md\rb.md\r\nc\x1b[201~x"), ["paste \"a.md\\nb.md\\nc\"", "x"]);
    assert_eq!(names("\x1b[200~q\x1b[Aé\x1b[201~".as_bytes()), ["paste \"q\\u{1b}[Aé\""]);
}

#[test]
fn answers_to_questions_of_others_are_no_keys() {
    for bytes in [
        &b"\x1b]11;rgb:1e1e/1e1e/2e2e\x07q"[..],
        b"\x1b]10;rgb:1e1e/1e1e/2e2e\x1b\\q",
        b"\x1bP>|tmux 3.5\x1b\\q",
        b"\x1bP1+r436f=323536\x1b\\q",
        b"\x1b[24;80Rq",
        b"\x1b[?62;22cq",
        b"\x1b[>41;354;0cq",
        b"\x1b[?2026;2$yq",
        b"\x1b[Iq",
    ] {
        assert_eq!(names(bytes), ["q"], "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn what_is_broken_is_passed_over_and_what_follows_is_read() {
    assert_eq!(names(b"\xff\xfeq\xc3(q\xe6\x97q"), ["q", "(", "q", "q"]);
    assert_eq!(names(b"\x1b[12\x1b[Aq"), ["up", "q"]);
    assert_eq!(names(b"\x1b[9999999999999999999~q\x1b[;;;;;q"), ["q"]);
}

/// Cut anywhere, the same comes out; and nothing a terminal could send ends the program or holds the keys up for ever.
#[test]
fn pieces_and_noise() {
    let whole = "a\x1b[1;5Cé\x1b[200~x\x1b[201~\x1b[<0;5;7M\x1b]11;rgb:1\x07日\x1bOAz".as_bytes();
    let expected = format!("{:?}", decoded(whole));
    for cut in 1..whole.len() {
        let (mut decoder, mut events) = (Decoder::default(), Vec::new());
        decoder.feed(&whole[..cut], &mut events);
        decoder.feed(&whole[cut..], &mut events);
        assert_eq!(format!("{events:?}"), expected, "cut at {cut}");
    }
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..20_000 {
        let alphabet = b"\x1b\x1b\x1b[[O]P_<?>;:0159~ABMRZumc\x07\\\r\x00\xff\xc3\xe6 q";
        let noise: Vec<u8> = (0..random.usize(0..40)).map(|_| alphabet[random.usize(0..alphabet.len())]).collect();
        let (mut decoder, mut events) = (Decoder::default(), Vec::new());
        decoder.feed(&noise, &mut events);
        decoder.feed(b"\x1b[201~", &mut events);
        decoder.settle(&mut events);
        events.clear();
        decoder.feed(b"k", &mut events);
        let key = Input { key: Key::Char('k'), ctrl: false, alt: false, shift: false };
        assert!(matches!(&events[..], [Event::Key(input)] if *input == key), "{noise:?}: {events:?}");
    }
}

#[test]
fn a_large_paste_takes_time_by_its_length() {
    let (mut decoder, mut events) = (Decoder::default(), Vec::new());
    decoder.feed(b"\x1b[200~", &mut events);
    for _ in 0..4_000 {
        decoder.feed(&[b'x'; 1_000], &mut events);
    }
    decoder.feed(PASTE_END, &mut events);
    assert!(matches!(&events[..], [Event::Pasted(text)] if text.len() == 4_000_000));
}
