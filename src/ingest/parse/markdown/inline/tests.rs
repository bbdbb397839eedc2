use super::*;

fn read_once(text: &str) -> (String, Marks) {
    let (mut prose, mut out, mut marks) = (Prose::default(), String::new(), Marks::default());
    prose.push(text);
    read(&prose, &mut out, &mut marks);
    (out, marks)
}

#[test]
fn what_does_not_close_stays_as_it_is() {
    for text in [
        "[[",
        "[[a",
        "[[a|",
        "%%",
        "%% a",
        "{{query",
        "((",
        "#",
        ":: a",
        "a [[b\nc]]",
        "x:: ",
        ";base64,",
        "%%%% a %%%%",
    ] {
        assert_eq!(read_once(text).0, text);
    }
    assert_eq!(read_once("[[a [[b]]").0, "[[a b");
    assert_eq!(read_once("[[a|]] ver\u{ad}mut").0, "a vermut");
}

#[test]
fn percent_signs_are_decoded_where_they_are_codes() {
    assert_eq!(percent_decoded("a%20b%zz%C3%A9%"), "a b%zzé%");
    assert_eq!(percent_decoded("%ff"), "%ff");
}

#[test]
fn code_between_two_marks_keeps_them_apart() {
    let (mut prose, mut out, mut marks) = (Prose::default(), String::new(), Marks::default());
    prose.push("a %% b ");
    prose.push_verbatim("`%%`");
    prose.push(" c %% d [[");
    prose.push_verbatim("`x`");
    prose.push("]]");
    read(&prose, &mut out, &mut marks);
    assert_eq!((out.as_str(), marks.links.len()), ("a  d [[`x`]]", 0));
}

#[test]
fn pasted_data_is_looked_at_once() {
    // Each of them looked for the end of the line they all stand on.
    let (mut out, mut marks, mut prose) = (String::new(), Marks::default(), Prose::default());
    prose.push(&"data:a;base64, ".repeat(300_000));
    read(&prose, &mut out, &mut marks);
    assert!(out.trim().is_empty(), "{}", out.trim().len());
}
