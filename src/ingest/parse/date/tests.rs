use std::path::Path;

use proptest::prelude::*;

use super::{of_name, parse};

#[test]
fn common_forms_mean_the_same_day() {
    let day = parse("2024-09-12").unwrap();
    for text in [
        "2024/09/12",
        "2024-09-12T00:00:00Z",
        "September 12, 2024",
        "12 Sep 2024",
        "D:20240912",
        "2024-09-12 00:00",
        "2024-9-12",
        "2024.09.12",
        "2024_09_12",
        "20240912",
        "20240912T0000",
        "12.9.2024",
        "12.09.2024 00:00",
        "Thu, 12 Sep 2024 00:00:00 +0000",
        "Thursday, September 12th, 2024",
        "Thu Sep 12 00:00:00 2024",
        "Sep. 12, 2024",
        "12th of September 2024",
        "12-Sep-2024",
        "2024-Sep-12",
        "12. September 2024",
        "12 septembre 2024",
        "12 de septiembre de 2024",
        "12 сентября 2024",
        "2024年9月12日",
        "[[2024-09-12]]",
        "2024-09-12 02:00:00 +0200",
        "2024-09-12 02:00 +02:00",
        "2024-09-12T02:00:00.000+02:00",
        "2024-09-12T00:00",
        "2024-09-12 12:00 AM",
        "September 12, 2024 at 12:00 am UTC",
        "2024-09-11 19:00 EST",
        "2024-09-12 00:00:00 UTC",
    ] {
        assert_eq!(parse(text), Some(day), "{text}");
    }
    assert_eq!(parse("D:2024"), parse("2024-01-01"));
    assert_eq!(parse("2024"), parse("2024-01-01"));
    assert_eq!(parse("2024-09"), parse("September 2024"));
    assert_eq!(parse("2014-04-30 03:55:32 +0200"), parse("2014-04-30T01:55:32Z"));
    assert_eq!(parse("12/31/2024"), parse("31/12/2024"));
    assert_eq!(parse("202403051010"), parse("2024-03-05 10:10"));
}

#[test]
fn what_is_no_date_or_may_be_two_is_none() {
    for text in [
        "soon",
        "",
        "3/5/2024",
        "09/12/2024",
        "2024-13-01",
        "2024-02-30",
        "12345",
        "1.2.3",
        "v2024.1.1",
        "May",
        "5 apples 2024",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
    assert_eq!(parse(&"1".repeat(10_000)), None);
}

#[test]
fn a_name_can_be_a_day() {
    let day = parse("2024-03-12");
    for name in [
        "2024_03_12.md",
        "journals/2024-03-12.md",
        "2024-03-12 Minutes.md",
        "2024.03.12-x.txt",
        "20240312.md",
        "202403121030.md",
    ] {
        assert_eq!(of_name(Path::new(name)), day, "{name}");
    }
    for name in
        ["2024-03-123.md", "note.md", "99999999.md", "2024-13-12.md", "1.md", "é2024-03-12.md", "20240312123.md"]
    {
        assert_eq!(of_name(Path::new(name)), None, "{name}");
    }
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(text in "\\PC{0,40}|[0-9年月日:+.,/TZ -]{0,30}") {
        let _ = parse(&text);
        let _ = of_name(Path::new(&text));
    }
}

#[test]
fn a_zone_beyond_all_numbers_is_none() {
    assert_eq!(parse("2024-03-12 10:00 +2147483647:2147483647"), None);
    assert_eq!(parse("33351111 11:11 -999999999:1"), None);
}
