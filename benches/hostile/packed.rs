//! Word documents, rich text and PDFs: deep XML, many parts, streams that unpack to much, marks and forms within each
//! other.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::Case;

const NAMESPACES: &str = "xmlns:w=\"w\" xmlns:r=\"r\" xmlns:wps=\"wps\" xmlns:mc=\"mc\"";

fn docx(parts: &[(String, String)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        zip.start_file(name.as_str(), SimpleFileOptions::default()).expect("zip");
        zip.write_all(content.as_bytes()).expect("zip");
    }
    zip.finish().expect("zip").into_inner()
}

fn document(body: &str) -> (String, String) {
    let xml = format!("<?xml version=\"1.0\"?><w:document {NAMESPACES}><w:body>{body}</w:body></w:document>");
    ("word/document.xml".to_owned(), xml)
}

fn text(text: &str) -> String {
    format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")
}

/// A PDF of one page with this content, fonts and whatever else its resources name.
fn pdf(content: &[u8], resources: &str, objects: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut all: Vec<Vec<u8>> = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>{resources}>>>>"
        )
        .into_bytes(),
        packed(content, ""),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_vec(),
    ];
    all.extend_from_slice(objects);
    let mut places = Vec::new();
    for (number, object) in all.iter().enumerate() {
        places.push(out.len());
        out.extend_from_slice(format!("{} 0 obj\n", number + 1).as_bytes());
        out.extend_from_slice(object);
        out.extend_from_slice(b"\nendobj\n");
    }
    let table = out.len();
    out.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", all.len() + 1).as_bytes());
    for place in places {
        out.extend_from_slice(format!("{place:010} 00000 n \n").as_bytes());
    }
    out.extend_from_slice(
        format!("trailer<</Size {}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF", all.len() + 1).as_bytes(),
    );
    out
}

fn packed(content: &[u8], entries: &str) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(content).expect("memory");
    let data = encoder.finish().expect("memory");
    let head = format!("<<{entries}/Length {}/Filter/FlateDecode>>stream\n", data.len());
    [head.as_bytes(), &data, b"\nendstream"].concat()
}

fn show(content: String) -> Vec<u8> {
    pdf(content.as_bytes(), "", &[])
}

/// All of them.
pub(crate) const CASES: fn() -> Vec<Case> = || {
    let word = |name, n, make| Case { name, file: "x.docx", n, make };
    let paper = |name, n, make| Case { name, file: "x.pdf", n, make };
    let rich = |name, n, make| Case { name, file: "x.rtf", n, make };
    vec![
        word("word nested paragraphs", 250_000, |n| {
            docx(&[document(&("<w:p>".repeat(n) + "<w:r><w:t>x</w:t></w:r>" + &"</w:p>".repeat(n)))])
        }),
        word("word nested tables", 100_000, |n| {
            docx(&[document(&("<w:tbl><w:tr><w:tc>".repeat(n) + &text("x") + &"</w:tc></w:tr></w:tbl>".repeat(n)))])
        }),
        word("word nested boxes", 50_000, |n| {
            docx(&[document(
                &("<w:p><w:r><w:txbxContent>".repeat(n) + &text("x") + &"</w:txbxContent></w:r></w:p>".repeat(n)),
            )])
        }),
        word("word alternatives", 100_000, |n| docx(&[document(&"<mc:AlternateContent><mc:Choice>".repeat(n))])),
        word("word attributes", 200_000, |n| {
            let all: String = (0..n).map(|i| format!("a{i}=\"b\" ")).collect();
            docx(&[document(&format!("<w:p {all}><w:r><w:t>x</w:t></w:r></w:p>"))])
        }),
        word("word styles of attributes", 200_000, |n| {
            let all: String = (0..n).map(|i| format!("a{i}=\"b\" ")).collect();
            docx(&[document(&format!("<w:p><w:pPr><w:pStyle {all}/></w:pPr><w:r><w:t>x</w:t></w:r></w:p>"))])
        }),
        word("word paragraphs", 100_000, |n| docx(&[document(&text("word word").repeat(n))])),
        word("word one paragraph", 200_000, |n| {
            docx(&[document(&format!("<w:p>{}</w:p>", "<w:r><w:t>word </w:t></w:r>".repeat(n)))])
        }),
        word("word headings", 50_000, |n| {
            docx(&[document(
                &("<w:p><w:pPr><w:pStyle w:val=\"Heading1\"/></w:pPr><w:r><w:t>h</w:t></w:r></w:p>".to_owned()
                    + &text("x"))
                    .repeat(n),
            )])
        }),
        word("word one heading", 200_000, |n| {
            docx(&[document(&format!(
                "<w:p><w:pPr><w:pStyle w:val=\"Heading1\"/></w:pPr>{}</w:p>",
                "<w:r><w:t>word </w:t></w:r>".repeat(n)
            ))])
        }),
        word("word that unpacks to much", 20_000_000, |n| docx(&[document(&text(&"A".repeat(n)))])),
        word("word parts", 5_000, |n| {
            let parts = (0..n).map(|i| {
                (format!("word/header{i}.xml"), format!("<w:hdr {NAMESPACES}>{}</w:hdr>", text(&format!("h{i}"))))
            });
            docx(&std::iter::once(document(&text("x"))).chain(parts).collect::<Vec<_>>())
        }),
        word("word included pages", 500, |n| {
            let chunks: String = (0..n).map(|i| format!("<w:altChunk r:id=\"r{i}\"/>")).collect();
            let relations: String = (0..n)
                .map(|i| format!("<Relationship Id=\"r{i}\" Type=\"x/aFChunk\" Target=\"p{i}.html\"/>"))
                .collect();
            let pages = (0..n).map(|i| (format!("word/p{i}.html"), format!("<p>page {i}")));
            let relations =
                ("word/_rels/document.xml.rels".to_owned(), format!("<Relationships>{relations}</Relationships>"));
            docx(&[document(&chunks), relations].into_iter().chain(pages).collect::<Vec<_>>())
        }),
        word("word one page included often", 20_000, |n| {
            let relations =
                "<Relationships><Relationship Id=\"r\" Type=\"x/aFChunk\" Target=\"p.html\"/></Relationships>";
            docx(&[
                document(&"<w:altChunk r:id=\"r\"/>".repeat(n)),
                ("word/_rels/document.xml.rels".to_owned(), relations.to_owned()),
                ("word/p.html".to_owned(), "<p>x".to_owned()),
            ])
        }),
        word("word links", 100_000, |n| {
            let relations: String = (0..n)
                .map(|i| format!("<Relationship Id=\"r{i}\" Type=\"x/hyperlink\" Target=\"https://x.org/{i}\"/>"))
                .collect();
            docx(&[
                document(&text("x")),
                ("word/_rels/document.xml.rels".to_owned(), format!("<Relationships>{relations}</Relationships>")),
            ])
        }),
        word("word keywords", 200_000, |n| {
            let words: String = (0..n).map(|i| format!("k{i},")).collect();
            docx(&[
                document(&text("x")),
                (
                    "docProps/core.xml".to_owned(),
                    format!("<cp:coreProperties><cp:keywords>{words}</cp:keywords></cp:coreProperties>"),
                ),
            ])
        }),
        word("word styles", 50_000, |n| {
            let styles: String = (0..n)
                .map(|i| format!("<w:style w:styleId=\"s{i}\"><w:basedOn w:val=\"s{}\"/></w:style>", i + 1))
                .collect();
            docx(&[
                document(&("<w:p><w:pPr><w:pStyle w:val=\"s0\"/></w:pPr></w:p>".repeat(n) + &text("x"))),
                ("word/styles.xml".to_owned(), format!("<w:styles>{styles}</w:styles>")),
            ])
        }),
        word("word open text", 200_000, |n| docx(&[document(&format!("{}{}", text("x"), "<w:t".repeat(n)))])),
        word("word entities", 300_000, |n| docx(&[document(&text(&"&amp;&x;".repeat(n)))])),
        rich("rich groups", 1_000_000, |n| format!("{{\\rtf1{}x", "{".repeat(n)).into_bytes()),
        rich("rich characters", 300_000, |n| format!("{{\\rtf1{}", "\\u8364?\\'e4".repeat(n)).into_bytes()),
        rich("rich fonts", 100_000, |n| {
            format!(
                "{{\\rtf1{{\\fonttbl{}}}x",
                (0..n).map(|i| format!("{{\\f{i}\\fcharset204 A;}}")).collect::<String>()
            )
            .into_bytes()
        }),
        rich("rich fields", 100_000, |n| {
            format!("{{\\rtf1{}x", "{\\field{\\*\\fldinst HYPERLINK \"https://x.org\"}{\\fldrslt x}}".repeat(n))
                .into_bytes()
        }),
        rich("rich open instructions", 100_000, |n| {
            format!("{{\\rtf1{}x", "{\\*\\fldinst HYPERLINK ".repeat(n)).into_bytes()
        }),
        rich("rich lines", 1_000_000, |n| format!("{{\\rtf1 x{}y", "\\par".repeat(n)).into_bytes()),
        rich("rich one line", 3_000_000, |n| format!("{{\\rtf1 {}", "word ".repeat(n / 5)).into_bytes()),
        paper("paper nested arrays", 50_000, |n| show("[".repeat(n))),
        paper("paper nested maps", 50_000, |n| show("<</A".repeat(n))),
        paper("paper nested arrays in an object", 200_000, |n| pdf(b"", "", &["[".repeat(n).into_bytes()])),
        paper("paper nested maps in an object", 200_000, |n| pdf(b"", "", &["<</A".repeat(n).into_bytes()])),
        paper("paper nested arrays in an object stream", 1_000_000, |n| {
            pdf(b"", "", &[packed(format!("7 0 {}", "[".repeat(n)).as_bytes(), "/Type/ObjStm/N 1/First 4")])
        }),
        paper("paper nested properties", 50_000, |n| show(format!("/Span {} BDC", "<</A".repeat(n)))),
        paper("paper saved states", 500_000, |n| show("q ".repeat(n))),
        paper("paper texts", 50_000, |n| show("BT /F 9 Tf 10 10 Td (word) Tj ET\n".repeat(n))),
        paper("paper texts of one place", 100_000, |n| {
            show(format!("BT /F 9 Tf 10 10 Td {} ET", "(w) Tj 0 0 Td ".repeat(n)))
        }),
        paper("paper letters of many sizes", 50_000, |n| {
            show(
                (0..n)
                    .map(|i| format!("BT /F {} Tf {} {} Td (w) Tj ET\n", 1 + i % 90, i * 7 % 600, i * 13 % 800))
                    .collect(),
            )
        }),
        paper("paper letters in many directions", 50_000, |n| {
            let letter = |i: usize| {
                let (sin, cos) = (i as f64).sin_cos();
                format!(
                    "BT /F 9 Tf {cos:.3} {sin:.3} {:.3} {cos:.3} {} {} Tm (word) Tj ET\n",
                    -sin,
                    i * 7 % 600,
                    i * 13 % 800
                )
            };
            show((0..n).map(letter).collect())
        }),
        paper("paper columns", 40_000, |n| {
            show(
                (0..n).map(|i| format!("BT /F 1 Tf {} {} Td (ab cd) Tj ET\n", (i % 50) * 12, (i / 50) % 800)).collect(),
            )
        }),
        paper("paper marks", 100_000, |n| {
            show(format!("BT /F 9 Tf {} (w) Tj {}", "/Span <</ActualText(x)>> BDC ".repeat(n), "EMC ".repeat(n)))
        }),
        paper("paper marks around many letters", 20_000, |n| {
            show(format!(
                "BT /F 1 Tf {} {} {}",
                "/Span <</ActualText(x)>> BDC ".repeat(n),
                "(w) Tj T* 0 5 Td ".repeat(n),
                "EMC ".repeat(n)
            ))
        }),
        paper("paper marks by name", 20_000, |n| {
            let text = "w".repeat(n * 4);
            pdf("/Span /P BDC EMC ".repeat(n).as_bytes(), &format!("/Properties<</P<</ActualText({text})>>>>"), &[])
        }),
        paper("paper hidden marks", 200_000, |n| show("/OC /P BDC ".repeat(n))),
        paper("paper forms", 10_000, |n| {
            pdf(
                "/X Do ".repeat(n).as_bytes(),
                "/XObject<</X 6 0 R>>",
                &[packed(b"BT /F 9 Tf (w) Tj ET ", "/Type/XObject/Subtype/Form/BBox[0 0 9 9]")],
            )
        }),
        paper("paper forms of much", 20, |n| {
            pdf(
                "/X Do ".repeat(n).as_bytes(),
                "/XObject<</X 6 0 R>>",
                &[packed(&b"q Q ".repeat(1_000_000), "/Type/XObject/Subtype/Form/BBox[0 0 9 9]")],
            )
        }),
        paper("paper forms in forms", 12, |n| {
            let form = |i: usize| {
                packed(
                    format!("/X{0} Do /X{0} Do", i + 1).as_bytes(),
                    &format!(
                        "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X{} {} 0 R>>>>",
                        i + 1,
                        i + 7
                    ),
                )
            };
            pdf(b"/X0 Do", "/XObject<</X0 6 0 R>>", &(0..n).map(form).collect::<Vec<_>>())
        }),
        paper("paper fonts", 5_000, |n| {
            let names: String = (0..n).map(|i| format!("/G{i} {} 0 R", i + 6)).collect();
            let content: String = (0..n).map(|i| format!("BT /G{i} 9 Tf (w) Tj ET ")).collect();
            let font = |i: usize| format!("<</Type/Font/Subtype/Type1/BaseFont/Helvetica/X {i}>>").into_bytes();
            pdf(content.as_bytes(), &format!("/Font<<{names}>>"), &(0..n).map(font).collect::<Vec<_>>())
        }),
        paper("paper fonts with maps", 500, |n| {
            let names: String = (0..n).map(|i| format!("/G{i} {} 0 R", i + 7)).collect();
            let content: String = (0..n).map(|i| format!("BT /G{i} 9 Tf <0000> Tj ET ")).collect();
            let map: String = (0..20_000).map(|i| format!("<{i:04x}> <{:04x}>\n", 0x4e00 + i)).collect();
            let map = packed(format!("begincmap 1 begincodespacerange <0000> <ffff> endcodespacerange 20000 beginbfchar\n{map}endbfchar endcmap").as_bytes(), "");
            let font = |i: usize| {
                format!("<</Type/Font/Subtype/Type0/BaseFont/A{i}/Encoding/Identity-H/ToUnicode 6 0 R/DescendantFonts[<</Type/Font/Subtype/CIDFontType2/BaseFont/A{i}>>]>>").into_bytes()
            };
            let objects: Vec<_> = std::iter::once(map).chain((0..n).map(font)).collect();
            pdf(content.as_bytes(), &format!("/Font<<{names}>>"), &objects)
        }),
        paper("paper font changes", 100_000, |n| show("/F 9 Tf ".repeat(n))),
        paper("paper character codes", 200_000, |n| {
            let codes: String = (0..n).map(|i| format!("{:04x}", i % 65_536)).collect();
            pdf(format!("BT /G 1 Tf <{codes}> Tj ET").as_bytes(), "/Font<</G 6 0 R>>", &[b"<</Type/Font/Subtype/Type0/BaseFont/A/Encoding/Identity-H/DescendantFonts[<</Type/Font/Subtype/CIDFontType2/BaseFont/A>>]>>".to_vec()])
        }),
        paper("paper pages", 2_000, |n| {
            let mut objects: Vec<Vec<u8>> = Vec::new();
            let kids: String = (0..n).map(|i| format!("{} 0 R ", i + 7)).collect();
            objects.push(format!("<</Type/Pages/Kids[{kids}]/Count {n}>>").into_bytes());
            objects.extend(
                (0..n).map(|_| {
                    b"<</Type/Page/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>".to_vec()
                }),
            );
            let file = pdf(b"BT /F 9 Tf (w) Tj ET", "", &objects);
            String::from_utf8_lossy(&file).contains("Kids").then_some(()).expect("pages");
            replaced(&file, b"/Kids[3 0 R]", b"/Kids[6 0 R]")
        }),
        paper("paper nested pages", 5_000, |n| {
            let objects: Vec<Vec<u8>> =
                (0..n).map(|i| format!("<</Type/Pages/Kids[{} 0 R]/Count 1>>", i + 7).into_bytes()).collect();
            replaced(&pdf(b"BT /F 9 Tf (w) Tj ET", "", &objects), b"/Kids[3 0 R]", b"/Kids[6 0 R]")
        }),
        paper("paper notes", 2_000, |n| {
            let notes: String = (0..n)
                .map(|i| format!("<</Type/Annot/Subtype/Text/Contents(note {i} {})>>", "w ".repeat(100)))
                .collect();
            replaced(&pdf(b"", "", &[]), b"/Contents 4 0 R", format!("/Contents 4 0 R/Annots[{notes}]").as_bytes())
        }),
        paper("paper small streams", 20_000, |n| {
            let parts: String = (0..n).map(|i| format!("{} 0 R ", i + 6)).collect();
            let objects: Vec<Vec<u8>> = (0..n).map(|_| packed(b"BT /F 9 Tf (w) Tj ET", "")).collect();
            replaced(&pdf(b"", "", &objects), b"/Contents 4 0 R", format!("/Contents[{parts}]").as_bytes())
        }),
        paper("paper inline images", 50_000, |n| show("BI /W 1 ID x EI ".repeat(n))),
        paper("paper open inline images", 50_000, |n| show("BI /W 1 ID x ".repeat(n))),
        paper("paper ends of inline images", 100_000, |n| show(format!("BI /W 1 ID {}", "EI BI ".repeat(n)))),
        paper("paper comments", 500_000, |n| show("%a\n".repeat(n))),
        paper("paper open texts", 500_000, |n| show("(".repeat(n))),
        paper("paper open streams", 200_000, |n| [pdf(b"", "", &[]), b"stream\n".repeat(n)].concat()),
        paper("paper obj", 200_000, |n| [b"%PDF-1.7\n".to_vec(), b"1 0 obj ".repeat(n)].concat()),
        paper("paper trailers", 100_000, |n| [b"%PDF-1.7\n".to_vec(), b"trailer<</Root 1 0 R>>\n".repeat(n)].concat()),
    ]
};

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|part| part == from).expect("something to replace");
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}
