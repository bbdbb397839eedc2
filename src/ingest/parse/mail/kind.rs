//! What the media type and the name of an attachment say of it. Pure; called by `body`.

use super::mime::ContentType;

/// The usual ending of files of a media type, for attachments without a name.
pub(super) fn extension(content_type: &ContentType) -> &'static str {
    match content_type.name().as_str() {
        "application/pdf" => "pdf",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/msword" => "doc",
        "application/zip" => "zip",
        "application/json" => "json",
        "application/xml" | "text/xml" => "xml",
        "text/html" => "html",
        "text/csv" => "csv",
        "text/calendar" => "ics",
        "text/markdown" => "md",
        "image/png" => "png",
        "image/jpeg" => "jpg",
        "image/gif" => "gif",
        "message/rfc822" | "message/global" => "eml",
        name if name.starts_with("text/") || name.starts_with("message/") => "txt",
        _ => "bin",
    }
}

/// Endings of files that are plain text whatever media type they are sent as.
const TEXT_ENDINGS: [&str; 34] = [
    "txt", "text", "md", "markdown", "csv", "tsv", "log", "json", "xml", "yaml", "yml", "toml", "ini", "conf", "cfg",
    "patch", "diff", "py", "rs", "c", "h", "cpp", "java", "js", "ts", "sh", "pl", "rb", "go", "sql", "tex", "org",
    "rst", "asc",
];

/// Whether an attachment of this type and name is plain text.
pub(super) fn is_textual(content_type: &ContentType, name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    if content_type.main.is_empty() {
        // Nobody said what it is: the name has to.
        return ending.is_none_or(|ending| TEXT_ENDINGS.contains(&ending.as_str()));
    }
    if content_type.main == "text" || content_type.is("message", "delivery-status") {
        return true;
    }
    let is_generic =
        content_type.main == "application" && !["pdf", "msword", "zip"].contains(&content_type.sub.as_str());
    let is_text_type = content_type.main == "application"
        && (["json", "xml", "x-sh", "x-yaml", "yaml", "sql", "x-tex", "x-patch", "x-diff", "javascript"]
            .contains(&content_type.sub.as_str())
            || content_type.sub.ends_with("+xml") && !content_type.sub.starts_with("vnd.openxmlformats")
            || content_type.sub.ends_with("+json"));
    is_text_type || is_generic && ending.is_some_and(|ending| TEXT_ENDINGS.contains(&ending.as_str()))
}
