use super::*;

fn text(rtf: &str) -> String {
    to_text(rtf.as_bytes())
}

#[test]
fn what_a_reader_sees() {
    let minutes = r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fswiss\fcharset0 Helvetica;}}{\colortbl;\red0\green0\blue0;}
{\*\generator Riched20 10.0.15063}\viewkind4\uc1
\pard\tx720\f0\fs24\lang9 Minutes of the gar\'e7on meeting\par
The barn owl clause was \b agreed\b0 .\par
Unicode: \u322?\u243?d\u378?\par}";
    assert_eq!(text(minutes), "Minutes of the garçon meeting\nThe barn owl clause was agreed.\nUnicode: łódź");
}

#[test]
fn code_pages_of_fonts_and_documents() {
    let mixed = r"{\rtf1\ansi\ansicpg1250{\fonttbl{\f0\fcharset238 A;}{\f1\fcharset204 B;}{\f2\fcharset128 C;}{\f3\fnil D;}}\f0 \'b3\'f3d\'9f \f1 \'cf\'f0\'e8 {\f2 \'83n\'83\'8d} \f3\'bf}";
    assert_eq!(text(mixed), "łódź При ハロ ż");
    assert_eq!(text(r"{\rtf1\mac caf\'8e}"), "café");
    assert_eq!(text(r"{\rtf1\pca \'81ber}"), "über");
    assert_eq!(text("{\\rtf1\\ansi gr\u{f6}\u{df}e}"), "größe", "raw UTF-8");
}

#[test]
fn unicode_and_what_stands_behind_it() {
    assert_eq!(text(r"{\rtf1\uc2 \u26085\'93\'fa!{\uc0\u-10179\u-8704}\uc1\u8364 ?}"), "日!😀€");
    assert_eq!(text(r"{\rtf1 {\upr{ansi}{\*\ud{\u956?\u949?}}}}"), "με");
    assert_eq!(
        text(r"{\rtf1 \u-3913?\tab item\emdash \ldblquote q\rdblquote a\~b\_c\-d\{\}\\}"),
        "•\titem—“q”a b-cd{}\\"
    );
}

#[test]
fn what_nobody_reads_is_left_out() {
    let rtf = r"{\rtf1{\stylesheet{\s0 Normal;}}{\*\unknown{\nested gone}}{\pict\pngblip 89504e47}{\v hidden}\deleted old\deleted0  kept {\object{\*\objdata 0102}{\result shown}}{\nonshppict gone}{\xe entry}}";
    assert_eq!(text(rtf), "kept shown");
    assert_eq!(to_text(b"{\\rtf1 a\\bin4 {}\\}b}"), "ab");
}

#[test]
fn tables_notes_boxes_and_headers() {
    let rtf = r"{\rtf1{\header Top\par}\trowd a\cell b\cell\row c\cell\cell\row\pard text{\footnote \chftn a note}. {\shp{\*\shpinst{\sp{\sn x}{\sv 1}}{\shptxt boxed\par}}{\shprslt boxed}}end}";
    assert_eq!(text(rtf), "Top\na | b\nc\ntext a note.\nboxed\nend");
}

#[test]
fn links_title_author_and_date() {
    let rtf = br#"{\rtf1{\info{\title Plan {\b x}}{\author Ann Lee}{\creatim\yr2024\mo3\dy12\hr10\min5}{\operator Bob}}{\field{\*\fldinst HYPERLINK "https://example.org/a#b"}{\fldrslt here}}}"#;
    let parsed = parse(rtf).unwrap();
    assert_eq!(parsed.title.as_deref(), Some("Plan x"));
    assert_eq!(parsed.people[0].name.as_deref(), Some("Ann Lee"));
    assert_eq!(parsed.dated_at, date::parse("2024-03-12 10:05"));
    assert_eq!(parsed.links, [Link { kind: LinkKind::Url, target: "https://example.org/a".into() }]);
    assert_eq!(parsed.sections[0].text, "here");
}

#[test]
fn html_inside_is_read_once() {
    let rtf = r"{\rtf1\ansi\fromhtml1{\*\htmltag19 <html>}{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Dear Ann,{\*\htmltag116 <br>}\htmlrtf \line\htmlrtf0 bye{\*\htmltag72 </p>}\htmlrtf\par}\htmlrtf0}";
    assert_eq!(text(rtf), "Dear Ann,\nbye");
}

#[test]
fn hostile_input_is_only_long() {
    assert_eq!(to_text(&b"{\\rtf1 ".repeat(20_000)), "");
    assert_eq!(to_text(&[b"{\\rtf1 x".as_slice(), &b"}".repeat(50_000), b" y"].concat()), "x y");
    let deep = [b"{".repeat(100_000), b"in".to_vec(), b"}".repeat(100_000), b"out".to_vec()].concat();
    assert_eq!(to_text(&deep), "inout");
    assert_eq!(text(r"{\rtf1 \bin99999999999 x"), "");
    assert_eq!(text(r"{\rtf1 \'zz\u99999999999 \u55357?x\'"), "zzx");
    assert!(matches!(parse(b"{\\rtf1 }"), Err(ParseError::NoText)));
    assert!(matches!(parse(b"plain"), Err(ParseError::Unsupported(_))));
}
