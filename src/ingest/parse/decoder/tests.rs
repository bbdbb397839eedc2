use encoding_rs::{BIG5, EUC_JP, EUC_KR, GBK, IBM866, KOI8_R, SHIFT_JIS};

use super::*;

fn in_encoding(label: &str, text: &str) -> Vec<u8> {
    let encoding = Encoding::for_label(label.as_bytes()).unwrap();
    let (bytes, _, had_errors) = encoding.encode(text);
    assert!(!had_errors, "{label} cannot write {text}");
    bytes.into_owned()
}

#[test]
fn labels_are_believed_when_they_fit() {
    for (bytes, label, text) in [
        (&b"caf\xe9"[..], "iso-8859-1", "café"),
        (b"\xf0\xd2\xc9\xd7\xc5\xd4", "KOI8-R", "Привет"),
        (b"\x1b$B%O%m!<\x1b(B", "iso-2022-jp", "ハロー"),
        (b"\xc4\xe3\xba\xc3", "gb2312", "你好"),
        (b"\xa7A\xa6n", "CHINESEBIG5", "你好"),
        (b"Hi Mom +Jjo-!", "utf-7", "Hi Mom ☺!"),
        (b"\xff\xfeh\0i\0", "utf-16", "hi"),
        (b"h\0i\0", "utf-16le", "hi"),
        (b"\x1b$)C\x0e0!\x0f!", "iso-2022-kr", "가!"),
        (b"~{<:Ky2;S{!#~}Bye.", "hz-gb-2312", "己所不欲。Bye."),
        (b"\x9b", "cp850", "ø"),
        // One character that happens to be UTF-8 too.
        (b"\xc4\xa3", "gb2312", "模"),
    ] {
        assert_eq!(decode(bytes, Some(label)), text, "{label}");
    }
}

#[test]
fn labels_that_lie_cost_nothing() {
    let russian = "Отправляю тебе отчёт о собрании, посмотри до четверга.";
    for label in [
        "us-ascii",
        "utf-8",
        "iso-8859-1",
        "windows-1252",
        "unknown-8bit",
        "x-no-such-charset",
        "iso-2022-jp",
        "utf-16",
    ] {
        for meant in ["windows-1251", "koi8-r"] {
            assert_eq!(decode(&in_encoding(meant, russian), Some(label)), russian, "{meant} called {label}");
        }
        assert_eq!(decode(russian.as_bytes(), Some(label)), russian, "UTF-8 called {label}");
    }
    for label in
        ["gb2312", "big5", "shift_jis", "euc-kr", "koi8-r", "windows-1250", "iso-2022-kr", "hz-gb-2312", "utf-16le"]
    {
        assert_eq!(decode("naïve — “quote”, Grüße".as_bytes(), Some(label)), "naïve — “quote”, Grüße", "{label}");
        assert_eq!(decode(b"plain text", Some(label)), "plain text", "{label}");
    }
    assert_eq!(decode(b"na\xefve caf\xe9, d\xe9j\xe0 vu", Some("utf-8")), "naïve café, déjà vu");
    assert_eq!(decode(b"na\xefve caf\xe9, d\xe9j\xe0 vu", None), "naïve café, déjà vu");
    assert_eq!(decode(b"\x8aal \x9eal pr\xed", Some("iso-8859-2")), "Šal žal prí");
    assert_eq!(
        decode(&in_encoding("euc-jp", "会議は木曜日に延期されました"), Some("iso-2022-jp")),
        "会議は木曜日に延期されました"
    );
    assert_eq!(decode(b"\x1b$B%O%m!<\x1b(B", Some("utf-8")), "ハロー");
    assert_eq!(decode("GrÃ¼ÃŸe aus KÃ¶ln".as_bytes(), Some("utf-8")), "Grüße aus Köln");
}

#[test]
fn marks_beat_labels() {
    for (bytes, text) in [
        (&b"\xef\xbb\xbfgr\xc3\xb6\xc3\x9fe"[..], "größe"),
        (b"\xff\xfeh\0i\0", "hi"),
        (b"\xfe\xff\0h\0i", "hi"),
        (b"\xff\xfe\0\0h\0\0\0i\0\0\0", "hi"),
        (b"\0\0\xfe\xff\0\0\0h\0\0\0i", "hi"),
    ] {
        for label in [None, Some("iso-8859-1"), Some("utf-8"), Some("utf-16be"), Some("gbk")] {
            assert_eq!(decode(bytes, label), text, "{label:?}");
        }
    }
}

#[test]
fn one_bad_byte_costs_one_character() {
    let good = "Größe und Maß: ein Pinguin läuft über den Übergang. ".repeat(200);
    let mut bytes = good.clone().into_bytes();
    bytes.extend_from_slice(b"here \xe9 there");
    let text = decode(&bytes, None);
    assert!(text.starts_with(&good) && text.ends_with("here é there"));
    bytes.truncate(bytes.len() - 4);
    bytes.extend_from_slice(&"ж".as_bytes()[..1]);
    assert!(decode(&bytes, Some("windows-1252")).starts_with("Größe"));
    assert!(decode(&bytes, None).starts_with(&good));
    let russian = "Привет, это длинный текст о музыке".repeat(3);
    for cut in 1..12 {
        let text = decode(&russian.as_bytes()[..russian.len() - cut], None);
        assert!(russian.starts_with(&*text) && !text.contains('\u{fffd}'), "{cut}: {text}");
    }
}

#[test]
fn a_copy_is_made_only_where_it_must() {
    for text in ["plain", "größe", "Привет"] {
        assert!(matches!(decode(text.as_bytes(), None), Cow::Borrowed(_)), "{text}");
        assert!(matches!(decode(text.as_bytes(), Some("utf-8")), Cow::Borrowed(_)), "{text}");
    }
}

/// What people write in a note of a line or two, by encoding.
const SHORT: [(&str, &str); 22] = [
    ("windows-1251", "Купить хлеб и молоко"),
    ("koi8-r", "Купить хлеб и молоко"),
    ("ibm866", "Купить хлеб и молоко"),
    ("windows-1251", "Встреча в четверг в 10:00"),
    ("koi8-r", "Встреча в четверг в 10:00"),
    ("windows-1250", "Zażółć gęślą jaźń, proszę o fakturę"),
    ("iso-8859-2", "Zażółć gęślą jaźń, proszę o fakturę"),
    ("windows-1250", "Příliš žluťoučký kůň"),
    ("windows-1253", "Η συνάντηση είναι την Πέμπτη"),
    ("windows-1254", "Toplantı perşembe gününe ertelendi, çok güzel"),
    ("windows-1255", "הפגישה נדחתה ליום חמישי"),
    ("windows-1256", "تم تأجيل الاجتماع إلى الخميس"),
    ("windows-1252", "Größe und Maß überprüfen"),
    ("windows-1252", "Réunion reportée à jeudi, voilà"),
    ("windows-1252", "mañana no habrá reunión"),
    ("shift_jis", "会議は木曜日に延期されました"),
    ("euc-jp", "会議は木曜日に延期されました"),
    ("gbk", "会议改到星期四，请通知同事"),
    ("big5", "會議改到星期四，請通知同事"),
    ("euc-kr", "회의가 목요일로 연기되었습니다"),
    ("windows-1252", "The price is £80 or 90 € – 20 °C"),
    ("windows-1252", "Player signs £80m deal"),
];

#[test]
fn short_notes_in_old_encodings() {
    let wrong: Vec<String> = SHORT
        .iter()
        .filter_map(|(label, text)| {
            let bytes = in_encoding(label, text);
            let found = decode(&bytes, None);
            (found != *text).then(|| format!("{label}: {text} read as {found}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn all_names_are_of_encodings_in_use() {
    // Lest a label of the list above silently mean another encoding.
    for (label, encoding) in [
        ("koi8-r", KOI8_R),
        ("ibm866", IBM866),
        ("shift_jis", SHIFT_JIS),
        ("euc-jp", EUC_JP),
        ("gbk", GBK),
        ("big5", BIG5),
        ("euc-kr", EUC_KR),
    ] {
        assert_eq!(Encoding::for_label(label.as_bytes()), Some(encoding));
    }
}

#[test]
fn spellings_of_labels() {
    for label in [
        "ISO8859-15",
        "iso_8859-15",
        "\"iso-8859-15\"",
        "windows1252",
        "win-1251",
        "cp1250",
        "latin1",
        "UTF8",
        "iso-2022-jp-ms",
        "US-ASCII",
    ] {
        assert!(is_known(label), "{label}");
    }
    assert!(!is_known("unknown-8bit"));
}

#[test]
fn a_label_of_another_alphabet_is_seen_through() {
    let texts = [
        ("gb18030", "这是一个测试，我们明天下午在办公室见面，请准时到达。谢谢大家的支持。"),
        ("big5", "最新台灣省工商名錄，如何在家中利用網路兼職創業。改善掉髮的最佳選擇。"),
        ("euc-kr", "오늘 회의가 목요일로 연기되었습니다. 확인 부탁드립니다. 감사합니다."),
        ("shift_jis", "会議は木曜日に延期されました。よろしくお願いします。資料を送ります。"),
    ];
    for (meant, text) in texts {
        let bytes = Encoding::for_label(meant.as_bytes()).unwrap().encode(text).0;
        for label in ["iso-8859-1", "windows-1252", "us-ascii", "utf-8", "iso-8859-15", "big5", "gb2312", "euc-kr"] {
            assert_eq!(decode(&bytes, Some(label)), text, "{meant} labelled {label}");
        }
        assert_eq!(decode(&bytes, None), text, "{meant} without a label");
        // Half a character somewhere does not turn the whole text into signs.
        let broken = [&bytes.repeat(3)[..], b"\xff\nend"].concat();
        for label in [Some(meant), Some("iso-8859-1"), None] {
            let decoded = decode(&broken, label);
            assert!(decoded.starts_with(text), "{meant}, broken, labelled {label:?}");
            assert!(!decoded.contains(char::REPLACEMENT_CHARACTER) && decoded.ends_with("\nend"), "{decoded}");
        }
    }
    // A footer that was decoded with the text and is none.
    let korean = texts[2].1.repeat(3);
    let korean = Encoding::for_label(b"euc-kr").unwrap().encode(&korean).0;
    let with_noise = [&korean[..], b"\xe9\x12\x81\xff\x84S\xff*Z\xf28b\x97z\x81\xfe)b\x84h"].concat();
    assert!(decode(&with_noise, Some("ks_c_5601-1987")).starts_with(texts[2].1));
    let french = "« Déjà vu » à l'été, où ça coûte 20 € — voilà, après Noël";
    let bytes = WINDOWS_1252.encode(french).0;
    assert_eq!(decode(&bytes, Some("iso-8859-1")), french);
}
