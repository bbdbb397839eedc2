use std::fmt::Write as _;

use super::*;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/pdf/{name}.pdf", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A PDF of these objects (the first is the catalog) with a right cross-reference table.
fn file(objects: &[String]) -> Vec<u8> {
    let mut out = String::from("%PDF-1.7\n");
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(out.len());
        write!(out, "{} 0 obj\n{object}\nendobj\n", index + 1).unwrap();
    }
    let table = out.len();
    write!(out, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).unwrap();
    for place in places {
        writeln!(out, "{place:010} 00000 n ").unwrap();
    }
    write!(out, "trailer<</Size {}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF", objects.len() + 1).unwrap();
    out.into_bytes()
}

fn stream(dictionary: &str, data: &str) -> String {
    format!("<<{dictionary}/Length {}>>stream\n{data}\nendstream", data.len())
}

/// A PDF of one page with this content, this font and these further entries and objects (from 6 on).
fn page(content: &str, font: &str, entries: &str, more: &[String]) -> Vec<u8> {
    let mut objects = vec![
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>{entries}>>"
        ),
        stream("", content),
        font.to_owned(),
    ];
    objects.extend_from_slice(more);
    file(&objects)
}

const HELVETICA: &str = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>";

fn text_of(bytes: &[u8]) -> String {
    parse(bytes).unwrap().sections.remove(0).text
}

fn shown(content: &str) -> String {
    text_of(&page(content, HELVETICA, "", &[]))
}

#[test]
fn an_empty_password_opens_every_kind_of_encryption() {
    for kind in ["rc4-40", "rc4-128", "aes-128", "aes-256"] {
        let parsed = parse(&fixture(kind)).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(parsed.sections[0].text.trim(), "Sealed, but the door is open.", "{kind}");
        assert_eq!(parsed.sections[0].page, Some(1));
    }
}

#[test]
fn an_unknown_password_is_the_reason() {
    assert!(matches!(parse(&fixture("password")), Err(ParseError::Encrypted)));
}

#[test]
fn gaps_without_blanks_part_words() {
    for gap in ["-250", "-110"] {
        let text = shown(&format!("BT /F 12 Tf 72 700 Td [(mor)-20(tgage){gap}(is){gap}(a){gap}(loan)] TJ ET"));
        assert_eq!(text, "mortgage is a loan", "{gap}");
    }
}

#[test]
fn letters_placed_one_by_one_are_words() {
    let mut content = String::from("BT /F 12 Tf ");
    let mut x = 72.0;
    for letter in "the zoology".chars() {
        // A letter's width in Helvetica at 12 points, near enough.
        let width = match letter {
            't' | ' ' => 3.34,
            'l' => 2.67,
            _ => 6.67,
        };
        if letter != ' ' {
            write!(content, "1 0 0 1 {x:.2} 700 Tm ({letter}) Tj ").unwrap();
        }
        x += width;
    }
    content.push_str("ET");
    assert_eq!(shown(&content), "the zoology");
}

#[test]
fn spaced_letters_are_words() {
    assert_eq!(shown("BT /F 12 Tf 72 700 Td (A N N U A L   R E P O R T) Tj ET"), "ANNUAL REPORT");
    assert_eq!(shown("BT /F 12 Tf 4 Tc 72 700 Td (ANNUAL) Tj 82 0 Td (REPORT) Tj ET"), "ANNUAL REPORT");
}

#[test]
fn letters_drawn_twice_are_read_once() {
    let line = "BT /F 12 Tf 72 700 Td (Bold claim) Tj 0.4 0 Td (Bold claim) Tj ET";
    assert_eq!(shown(line), "Bold claim");
}

#[test]
fn invisible_text_is_read_and_text_off_the_page_is_not() {
    let text = shown("BT /F 12 Tf 3 Tr 72 700 Td (scanned layer) Tj ET BT /F 12 Tf 2000 700 Td (printer mark) Tj ET");
    assert_eq!(text, "scanned layer");
}

#[test]
fn columns_are_read_one_after_the_other() {
    let mut content = String::from("BT /F 10 Tf ");
    let left = [
        "Thermal cycling lowers the strength",
        "of the resin because water enters",
        "the polymer and softens the matrix.",
    ];
    let right = [
        "No conflict of interest is declared",
        "by any of the authors of this paper",
        "and the work was paid by nobody.",
    ];
    // Row by row, as some programs write.
    for (row, (left, right)) in left.iter().zip(right).enumerate() {
        let y = 700 - 12 * row;
        write!(content, "1 0 0 1 72 {y} Tm ({left}) Tj 1 0 0 1 320 {y} Tm ({right}) Tj ").unwrap();
    }
    content.push_str("ET");
    assert_eq!(shown(&content), format!("{}\n\n{}", left.join("\n"), right.join("\n")));
}

#[test]
fn cells_of_a_table_are_read_row_by_row() {
    let mut content = String::from("BT /F 10 Tf ");
    let rows = [["Item", "Number", "Price"], ["Jar", "12", "3.50"], ["Flour", "3", "1.20"], ["Filter", "150", "0.02"]];
    for (row, cells) in rows.iter().enumerate() {
        for (column, cell) in cells.iter().enumerate() {
            write!(content, "1 0 0 1 {} {} Tm ({cell}) Tj ", 72 + 120 * column, 700 - 14 * row).unwrap();
        }
    }
    content.push_str("ET");
    assert_eq!(shown(&content), "Item Number Price\nJar 12 3.50\nFlour 3 1.20\nFilter 150 0.02");
}

#[test]
fn turned_text_is_text() {
    assert_eq!(shown("BT /F 12 Tf 0 1 -1 0 100 100 Tm (turned by a quarter) Tj ET"), "turned by a quarter");
    let turned = page("BT /F 12 Tf 72 700 Td (a page laid on its side) Tj ET", HELVETICA, "/Rotate 90", &[]);
    assert_eq!(text_of(&turned), "a page laid on its side");
}

#[test]
fn glyph_names_and_tables_give_ligatures() {
    let named = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding<</Differences[1/f_f_i/fl/ff]>>>>";
    assert_eq!(
        text_of(&page("BT /F 12 Tf 72 700 Td (o\\001ce \\002ow a\\003air) Tj ET", named, "", &[])),
        "office flow affair"
    );
    // A table that is cut off in the middle is read as far as it goes.
    let font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica/ToUnicode 6 0 R>>";
    let table =
        stream("", "1 beginbfchar <01> <FB03> endbfchar 1 beginbfrange <02> <03> <FB01> endbfrange 1 beginbfchar <04>");
    assert_eq!(
        text_of(&page("BT /F 12 Tf 72 700 Td (o\\001ce \\002nd \\003ow) Tj ET", font, "", &[table])),
        "office find flow"
    );
}

#[test]
fn accents_drawn_on_their_letters_are_one_with_them() {
    // An accent, then back to the letter below it, as TeX draws.
    let text = shown("BT /F 12 Tf 72 700 Td [(sch)-60(\\250)430(on)] TJ ET");
    assert_eq!(text, "schön");
}

#[test]
fn right_to_left_text_is_read_from_the_right() {
    let font = "<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/Identity-H/DescendantFonts[<</Type/Font/Subtype/CIDFontType2\
        /BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/DW 500>>]/ToUnicode 6 0 R>>";
    // Hebrew letters, digits and a blank, each code its own character.
    let table = stream("", "2 beginbfrange <05D0> <05EA> <05D0> <0020> <007E> <0020> endbfrange");
    let visual: Vec<char> = "2024 תנשל חוד".chars().collect();
    let codes: String = visual.iter().fold(String::new(), |mut out, letter| {
        write!(out, "{:04X}", u32::from(*letter)).unwrap();
        out
    });
    let content = format!("BT /F 12 Tf 72 700 Td <{codes}> Tj ET");
    assert_eq!(text_of(&page(&content, font, "", &[table])), "דוח לשנת 2024");
}

#[test]
fn collections_of_characters_need_no_table() {
    let font = |encoding: &str, ordering: &str| {
        format!(
            "<</Type/Font/Subtype/Type0/BaseFont/X/Encoding/{encoding}/DescendantFonts[<</Type/Font/Subtype/CIDFontType0\
             /BaseFont/X/CIDSystemInfo<</Registry(Adobe)/Ordering({ordering})/Supplement 0>>/DW 1000>>]>>"
        )
    };
    for (encoding, ordering, code, wanted) in [
        ("90ms-RKSJ-H", "Japan1", "93FA967B", "日本"),
        ("GBK-EUC-H", "GB1", "D6D0B9FA", "中国"),
        ("KSCms-UHC-H", "Korea1", "C7D1B1B9", "한국"),
        ("UniCNS-UCS2-H", "CNS1", "53F05317", "台北"),
    ] {
        let content = format!("BT /F 12 Tf 72 700 Td <{code}> Tj ET");
        assert_eq!(text_of(&page(&content, &font(encoding, ordering), "", &[])), wanted, "{encoding}");
    }
}

#[test]
fn replacement_text_stands_for_its_glyphs() {
    let text = shown("BT /F 12 Tf 72 700 Td (of) Tj /Span<</ActualText(fi)>>BDC (#) Tj EMC (ce) Tj ET");
    assert_eq!(text, "office");
}

#[test]
fn notes_and_fields_are_read_once() {
    let annotations = "/Annots[6 0 R 7 0 R 8 0 R]";
    let more = [
        "<</Type/Annot/Subtype/Text/Rect[10 10 20 20]/Contents(ask the flamingo)>>".to_owned(),
        "<</Type/Annot/Subtype/Widget/FT/Tx/Rect[10 30 90 40]/V(Weimaraner)>>".to_owned(),
        "<</Type/Annot/Subtype/FreeText/Rect[10 50 90 60]/Contents(an ordinary sentence)>>".to_owned(),
    ];
    let text = text_of(&page("BT /F 12 Tf 72 700 Td (an ordinary sentence) Tj ET", HELVETICA, annotations, &more));
    assert_eq!(text, "an ordinary sentence\n\nask the flamingo\n\nWeimaraner");
}

#[test]
fn a_damaged_page_costs_no_other_and_is_told() {
    let whole = page("BT /F 12 Tf 72 700 Td (first) Tj ET", HELVETICA, "", &[]);
    let text = String::from_utf8(whole).unwrap();
    let broken = text
        .replace("/Kids[3 0 R]/Count 1", "/Kids[3 0 R 6 0 R]/Count 2")
        .replace("xref\n0 6", "6 0 obj\n<</Type/Page/Parent 2 0 R/Contents 7 0 R>>\nendobj\n7 0 obj\n<</Filter/LZWDecode/Length 3000000>>stream\nendstream\nendobj\nxref\n0 6");
    // Its table does not know the new objects: the file is read without it.
    let broken = broken.replace("startxref", "startxxxx").replace("/LZWDecode", "/NoSuchFilter/DCTDecode");
    let parsed = parse(broken.as_bytes()).unwrap();
    assert_eq!(parsed.sections[0].text, "first");
}

#[test]
fn pictures_without_text_are_the_reason_only_where_there_are_some() {
    let picture = stream("/Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceGray/BitsPerComponent 8", "x");
    let drawn = page("/I Do", HELVETICA, "", &[picture]);
    let drawn = String::from_utf8(drawn).unwrap().replace("/Font<</F 5 0 R>>", "/XObject<</I 6 0 R>>");
    assert_eq!(parse(drawn.as_bytes()), Err(ParseError::NoTextLayer));
    assert_eq!(parse(&page("", HELVETICA, "", &[])), Err(ParseError::NoText));
    assert!(matches!(parse(b"%PDF-1.7\nnothing"), Err(ParseError::Damaged(_))));
}

#[test]
fn hostile_files_end_soon() {
    // Arrays in arrays, forms that call themselves, pages that hold themselves, tables that claim to be endless.
    let deep = format!("BT /F 12 Tf {} ET", "[".repeat(50_000));
    assert_eq!(parse(&page(&deep, HELVETICA, "", &[])), Err(ParseError::NoText));
    let form =
        stream("/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</A 6 0 R/B 7 0 R>>>>", "/A Do /B Do");
    let calls = page("/A Do", HELVETICA, "", &[form.clone(), form]);
    let calls = String::from_utf8(calls).unwrap().replace("/Font<</F 5 0 R>>", "/XObject<</A 6 0 R>>");
    assert_eq!(parse(calls.as_bytes()), Err(ParseError::NoText));
    let ring = file(&["<</Type/Catalog/Pages 2 0 R>>".into(), "<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2>>".into()]);
    assert!(parse(&ring).is_err());
    let endless = "<</Type/Font/Subtype/Type1/BaseFont/X/FirstChar 4000000000/LastChar 4000000001/Widths[1 1]>>";
    assert!(parse(&page("BT /F 12 Tf 72 700 Td (word) Tj ET", endless, "", &[])).is_ok());
    let many = "(a) Tj ".repeat(500_000);
    let parsed = parse(&page(&format!("BT /F 12 Tf 72 700 Td {many} ET"), HELVETICA, "", &[])).unwrap();
    assert_eq!(parsed.left_out, ["page 1 of 1 could be read in part only: it holds more than is read of one page"]);
}

#[test]
fn a_form_that_cannot_be_unpacked_is_told() {
    let form = stream("/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Filter/FlateDecode", "no packed bytes");
    let content = "BT /F 12 Tf 72 700 Td (above) Tj ET /X Do";
    let file = page(content, HELVETICA, "", &[form]);
    let file = replaced(&file, "/Font<<", "/XObject<</X 6 0 R>>/Font<<");
    let parsed = parse(&file).unwrap();
    assert_eq!(parsed.sections[0].text, "above");
    assert_eq!(parsed.left_out, ["page 1 of 1 could not be read: damaged"]);
}

#[test]
fn a_replacement_that_ends_with_a_blank_is_a_word_of_its_own() {
    let content = "BT /F 12 Tf 72 700 Td /Span <</ActualText(grey )>> BDC (gr) Tj EMC (seal) Tj ET";
    assert_eq!(shown(content), "grey seal");
}

#[test]
fn properties_named_often_are_read_once() {
    // A text of a megabyte for every mark took minutes.
    let text = "w".repeat(1 << 20);
    let content = format!("{} BT /F 12 Tf 72 700 Td (seen) Tj ET", "/Span /P BDC EMC ".repeat(100_000));
    let file = page(&content, HELVETICA, "", &[]);
    let file = replaced(&file, "/Font<<", &format!("/Properties<</P<</ActualText({text})>>>>/Font<<"));
    assert_eq!(text_of(&file), "seen");
}

#[test]
fn images_that_never_end_are_given_up_and_told() {
    let content = format!("BT /F 12 Tf 72 700 Td (before) Tj ET {}", "BI /W 1 ID x ".repeat(400_000));
    let parsed = parse(&page(&content, HELVETICA, "", &[])).unwrap();
    assert_eq!(parsed.sections[0].text, "before");
    assert_eq!(parsed.left_out.len(), 1, "{:?}", parsed.left_out);
}

#[test]
fn marks_within_marks_look_through_their_glyphs_a_few_times_only() {
    // Each of them looked through all glyphs of the page.
    let marks = "/Span <</ActualText(x)>> BDC ".repeat(100_000);
    let letters = (0..100_000)
        .map(|i| format!("1 0 0 1 {} {} Tm (w) Tj ", i % 600, i / 600 * 4))
        .collect::<Vec<String>>()
        .concat();
    let content = format!("BT /F 1 Tf {marks}{letters}{} ET", "EMC ".repeat(100_000));
    assert!(text_of(&page(&content, HELVETICA, "", &[])).contains('w'));
}

#[test]
fn the_clock_is_looked_at_inside_a_page() {
    let mut budget =
        Budget { operators: PAGE_OPERATORS, forms: PAGE_FORMS, bytes: MOST_BYTES, deadline: Instant::now() };
    let file = page(&"q ".repeat(100_000), HELVETICA, "", &[]);
    let pdf = Pdf::new(file).unwrap();
    let read = page::read(&pdf.pages()[0], &mut Fonts::new(), &mut budget, &Hidden::new());
    assert_eq!(read.state, PageState::Cut);
}

#[test]
fn what_fonts_unpack_is_counted() {
    // A table of characters that five hundred fonts share was unpacked and kept five hundred times: gigabytes.
    let map =
        (0..5_000).map(|code| format!("<{code:04x}> <{:04x}>\n", 0x4e00 + code)).collect::<Vec<String>>().concat();
    let font = |name: usize| format!("<</Type/Font/Subtype/Type1/BaseFont/A{name}/ToUnicode 6 0 R>>");
    let objects: Vec<String> = std::iter::once(stream("", &map)).chain((0..20).map(font)).collect();
    let names = (0..20).map(|name| format!("/G{name} {} 0 R", name + 7)).collect::<Vec<String>>().concat();
    let content = (0..20).map(|name| format!("BT /G{name} 9 Tf (a) Tj ET ")).collect::<Vec<String>>().concat();
    let file = replaced(&page(&content, HELVETICA, "", &objects), "/Font<<", &format!("/Font<<{names}"));
    let deadline = Instant::now() + DEADLINE;
    let mut budget = Budget { operators: PAGE_OPERATORS, forms: PAGE_FORMS, bytes: MOST_BYTES, deadline };
    let pdf = Pdf::new(file).unwrap();
    let _ = page::read(&pdf.pages()[0], &mut Fonts::new(), &mut budget, &Hidden::new());
    assert!(MOST_BYTES - budget.bytes > 20 * 2 * map.len() as u64);
}

#[test]
fn streams_are_looked_at_until_the_clock_says_so() {
    let noise = (0..300_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect::<Vec<u8>>();
    let file = [b"1 0 obj <</Filter/FlateDecode>>stream\n".to_vec(), noise, b"\nendstream".to_vec()].concat();
    assert_eq!(guard::beyond(&file, Instant::now() + DEADLINE), None);
    assert!(guard::beyond(&file, Instant::now()).is_some());
}

/// The file with the first `from` replaced.
fn replaced(file: &[u8], from: &str, to: &str) -> Vec<u8> {
    let at = file.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
    [&file[..at], to.as_bytes(), &file[at + from.len()..]].concat()
}
