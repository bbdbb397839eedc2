//! Tests of `parameters`.

use super::*;

fn name_of(header: &str) -> String {
    name_of_raw(header.as_bytes())
}

fn name_of_raw(header: &[u8]) -> String {
    let parsed = parse(header);
    parsed.parameters.into_iter().find(|(name, _)| name == "filename").map(|(_, value)| value).unwrap_or_default()
}

#[test]
fn values_and_parameters() {
    let parsed = parse(b" Text/HTML (a ; b); Charset=\"utf-8\" ;format=flowed (c); delsp = yes;;");
    assert_eq!(parsed.value, "text/html");
    let pairs: Vec<(&str, &str)> = parsed.parameters.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(pairs, [("charset", "utf-8"), ("format", "flowed"), ("delsp", "yes")]);
    let lost = parse(b"text/html charset=iso-8859-1");
    assert_eq!((lost.value.as_str(), lost.parameters[0].1.as_str()), ("text/html", "iso-8859-1"));
    assert_eq!(parse(b"multipart/mixed; boundary=\"a  b=\"").parameters[0].1, "a  b=");
    assert_eq!(parse(b"multipart/mixed;\r\n\tboundary=--=_x?/1").parameters[0].1, "--=_x?/1");
    assert_eq!(parse(b"").value, "");
}

#[test]
fn quotes_that_never_close_are_looked_for_once() {
    // Every one of these used to be looked for to the end: a minute.
    let parsed = parse(format!("attachment; {}", "b=\"x ;".repeat(200_000)).as_bytes());
    assert_eq!(parsed.parameters.len(), 1);
    let names = (0..90).map(|i| format!("b{i}=\"x ;")).collect::<Vec<String>>().concat();
    let parsed = parse(format!("attachment; {names} filename=a.txt").as_bytes());
    let name = parsed.parameters.iter().find(|(name, _)| name == "filename");
    assert_eq!(name.map(|(_, value)| value.as_str()), Some("a.txt"));
}

#[test]
fn continuations() {
    assert_eq!(
        name_of("attachment; filename*0=\"A name cut in \"; filename*1=\"pieces .txt\""),
        "A name cut in pieces .txt"
    );
    assert_eq!(name_of("attachment; filename*1=\"b.txt\"; filename*0=\"a \""), "a b.txt");
    assert_eq!(name_of("attachment; filename*1=a;\r\n filename*2=.txt"), "a.txt");
    assert_eq!(name_of("attachment; filename*0*=UTF-8''test%20a%CC; filename*1*=%88.txt"), "test a\u{308}.txt");
    assert_eq!(
        name_of("attachment; filename*0*=iso-8859-1'de'%E4; filename*1=\" b%20\"; filename*2*=%FC.txt"),
        "ä b%20ü.txt"
    );
    assert_eq!(name_of("attachment; filename*0*=utf-8''%C3%A4; filename*1*=utf-8''%C3%BC.txt"), "äü.txt");
    assert_eq!(
        name_of("attachment; filename*0=\"=?UTF-8?Q?Rechnung_M=C3=BC\"; filename*1=\"ller_=F0=9F=98=81.txt?=\""),
        "Rechnung Müller 😁.txt"
    );
    assert_eq!(name_of("attachment; filename*0=\"=?UTF-8?B?w6Q=?=\"; filename*1=\" =?UTF-8?B?w7wudHh0?=\""), "äü.txt");
}

#[test]
fn the_one_with_a_charset_wins() {
    assert_eq!(name_of("attachment; filename=Resume.txt; filename*=UTF-8''R%C3%A9sum%C3%A9.txt"), "Résumé.txt");
    assert_eq!(name_of("attachment; filename*=UTF-8''; filename=b.txt"), "b.txt");
    assert_eq!(name_of("attachment; filename*=\"utf-8'en'%C3%A4 b.txt\""), "ä b.txt");
    assert_eq!(name_of("attachment; filename*=''%C3%A4.txt"), "ä.txt");
    assert_eq!(name_of("attachment; filename*=%C3%A4.txt"), "ä.txt");
    assert_eq!(name_of("attachment; filename*=UTF-8'%C3%A4.txt"), "ä.txt");
    assert_eq!(name_of("attachment; filename*=x-odd''%C3%A4.txt"), "ä.txt");
    assert_eq!(name_of("attachment; filename*=utf-8''d%E9j%E0%20vu.txt"), "déjà vu.txt", "the charset lies");
    assert_eq!(name_of("attachment; filename*=UTF-8''it's%20a%20'b'.txt"), "it's a 'b'.txt");
    assert_eq!(name_of("attachment; filename*=UTF-8''=?UTF-8?B?w6QudHh0?="), "ä.txt");
}

#[test]
fn quotes_too_few_and_too_many() {
    assert_eq!(name_of("attachment; filename=two words; and more.txt; size=3"), "two words; and more.txt");
    assert_eq!(name_of("attachment; filename=\"open.txt"), "open.txt");
    assert_eq!(name_of("attachment; filename=\"open.txt; size=3"), "open.txt");
    assert_eq!(name_of("attachment; filename=\"the \"best\" one.txt\"; size=3"), "the \"best\" one.txt");
    assert_eq!(name_of("attachment; filename=\"a\\\"b.txt\""), "a\"b.txt");
    assert_eq!(name_of("attachment; filename=\"C:\\tmp\\a.txt\""), "C:\\tmp\\a.txt");
    assert_eq!(name_of("attachment; filename = a,b.txt "), "a,b.txt");
    assert_eq!(name_of("attachment filename=a.txt"), "a.txt");
}

#[test]
fn words_raw_bytes_and_percents() {
    assert_eq!(name_of("attachment; filename==?utf-8?q?=C3=A4=20b.txt?="), "ä b.txt");
    assert_eq!(name_of("attachment; filename=\"=?iso-8859-1?Q?=E4?= =?iso-8859-1?Q?=FC.txt?=\""), "äü.txt");
    assert_eq!(name_of("attachment; filename=\"ä b.txt\""), "ä b.txt");
    assert_eq!(name_of_raw(b"attachment; filename=\"Pr\xfcfung gro\xdf.txt\""), "Prüfung groß.txt");
    assert_eq!(name_of("attachment; filename=\"%E4%B8%AD%20a.txt\""), "中 a.txt");
    assert_eq!(name_of("attachment; filename=\"100%25 sure.txt\""), "100%25 sure.txt");
    assert_eq!(name_of("attachment; filename=\"UTF-8''a%20b.txt\""), "a b.txt");
    let japanese = name_of_raw(b"attachment; filename=\"\x1b$B%\"%C\x1b(B.txt\"; size=3");
    assert!(japanese.contains(".txt"), "a byte that only looks like a quote: {japanese}");
}

#[test]
fn hostile_values_take_no_time() {
    let quotes = format!("attachment; filename={}", "\" ".repeat(100_000));
    assert!(!name_of(&quotes).is_empty());
    let semicolons = format!("attachment; filename=a{}", "; ".repeat(100_000));
    assert_eq!(name_of(&semicolons).trim_end_matches(['a', ';', ' ']), "");
    let many = (0..50_000).fold("attachment".to_owned(), |all, at| all + &format!("; filename*{at}=x"));
    assert_eq!(name_of(&many).len(), PIECE_LIMIT as usize);
}
