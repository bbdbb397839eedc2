use super::super::date;
use super::*;

fn texts(calendar: &str) -> Vec<String> {
    read(calendar.as_bytes()).events.iter().map(Event::text).collect()
}

#[test]
fn invitations_read_well() {
    let calendar = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VTIMEZONE\r\nDTSTART:19700101T000000\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\n\
                    SUMMARY:Budget\\, second\r\n  look\r\nDTSTART;TZID=Europe/Berlin:20240309T140000\r\nDTEND:20240309T143000Z\r\n\
                    LOCATION:Room 1\r\nORGANIZER;CN=\"Ann: Lee\":mailto:ann@x.org\r\nATTENDEE;CN=Bob;RSVP=TRUE:MAILTO:bob@x.org\r\n\
                    DESCRIPTION:Bring\\nnumbers.\r\nBEGIN:VALARM\r\nDESCRIPTION:Reminder\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    assert_eq!(
        texts(calendar),
        [
            "Event: Budget, second look\nStart: 2024-03-09 14:00 (Europe/Berlin)\nEnd: 2024-03-09 14:30 UTC\nLocation: Room 1\n\
          Organizer: Ann: Lee <ann@x.org>\n\nBring\nnumbers.\n\nAttendees: Bob <bob@x.org>"
        ]
    );
    assert!(texts("no calendar").is_empty());
}

#[test]
fn a_file_is_dated_by_its_event() {
    let file = b"BEGIN:VCALENDAR\nVERSION:2.0\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:1@example\nDTSTART:20240412T090000Z\nDTEND:20240412T100000Z\nSUMMARY:Dentist with the porcupine\\, upstairs\nCATEGORIES:Health,Own Time\nURL:https://example.org/d\nORGANIZER:mailto:desk@example.org\nATTENDEE;CN=Me:mailto:me@example.org\nEND:VEVENT\nEND:VCALENDAR\n";
    let parsed = parse(file).unwrap();
    assert_eq!(parsed.title.as_deref(), Some("Dentist with the porcupine, upstairs"));
    assert_eq!(parsed.dated_at, date::parse("2024-04-12 09:00"));
    assert_eq!(parsed.tags, ["health", "own-time"]);
    assert_eq!(parsed.links.len(), 1);
    let people: Vec<_> = parsed.people.iter().map(|person| (person.email.as_deref().unwrap(), person.role)).collect();
    assert_eq!(people, [("desk@example.org", PersonRole::Author), ("me@example.org", PersonRole::To)]);
}

#[test]
fn whole_days_tasks_repeats_and_what_the_web_writes() {
    let calendar = "BEGIN:VCALENDAR\nX-WR-CALNAME:Holidays\nBEGIN:VEVENT\nSUMMARY:Trip\nDTSTART;VALUE=DATE:20240412\nDTEND;VALUE=DATE:20240415\nRRULE:FREQ=YEARLY\nDESCRIPTION:<p>Pack <b>all</b></p>\nEND:VEVENT\n\
        BEGIN:VEVENT\nSUMMARY:Day\nDTSTART;VALUE=DATE:20230101\nDTEND;VALUE=DATE:20230102\nSTATUS:CANCELLED\nX-ALT-DESC;FMTTYPE=text/html:<html><body>From <i>Outlook</i></body></html>\nATTACH;ENCODING=BASE64;VALUE=BINARY;X-FILENAME=a.pdf:JVBERi0x\nEND:VEVENT\n\
        BEGIN:VTODO\nSUMMARY:Tax\nDUE:20240531T120000\nATTENDEE;CN=Room;EMAIL=room@x.org:invalid:nomail\nEND:VTODO\nEND:VCALENDAR\n";
    assert_eq!(
        texts(calendar),
        [
            "Event: Trip\nStart: 2024-04-12\nEnd: 2024-04-14\nRepeats: every year\n\nPack all",
            "Cancelled event: Day\nStart: 2023-01-01\nAttached: a.pdf\n\nFrom Outlook",
            "Task: Tax\nDue: 2024-05-31 12:00\nAttendees: Room <room@x.org>"
        ]
    );
    let parsed = parse(calendar.as_bytes()).unwrap();
    assert_eq!((parsed.title.as_deref(), parsed.dated_at), (Some("Holidays"), date::parse("2023-01-01")));
    assert_eq!(parsed.sections.len(), 3);
}

#[test]
fn broken_calendars_keep_their_events() {
    assert_eq!(texts("BEGIN:VEVENT\nSUMMARY:a\nBEGIN:VALARM\nBEGIN:VEVENT\nSUMMARY:b"), ["Event: a", "Event: b"]);
    assert!(is_calendar(b"\xef\xbb\xbf\r\nbegin:vcalendar\r\n") && !is_calendar(b"BEGIN:VCARD"));
    assert!(is_calendar(b"\xff\xfeB\0E\0G\0I\0N\0:\0V\0C\0A\0L\0E\0N\0D\0A\0R\0"));
    assert!(matches!(parse(b"BEGIN:VCALENDAR\nEND:VCALENDAR"), Err(ParseError::NoText)));
}
