package connect

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// The values of Brand.UserHint that are no words to be shown, and the part of words that stands for
// the masked address.
const (
	HintMasked = "masked"
	HintOff    = "off"
	HintUser   = "{user}"
)

// maxUserHint bounds the words of a hint, in bytes.
const maxUserHint = 200

// hintWord is a single word, which tells an end user nothing: mostly a mistyped "off".
var hintWord = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func checkUserHint(hint string) error {
	switch {
	case hint == "", hint == HintMasked, hint == HintOff:
		return nil
	case !isPlain(hint, maxUserHint):
		return &BrandError{"user_hint",
			fmt.Sprintf("must be at most %d bytes of text without control characters", maxUserHint)}
	case hintWord.MatchString(hint):
		return &BrandError{"user_hint", `write masked, off, or words of your own like "For the account {user}"`}
	case strings.ContainsAny(strings.ReplaceAll(hint, HintUser, ""), "{}"):
		return &BrandError{"user_hint",
			"{user} is the only placeholder, and stands for the masked address"}
	}
	return nil
}

// MaskUser makes of an end user's address what its owner recognizes and nobody else learns: of the
// local part its first and last character, `m…y@example.com`, and of one that would be whole by
// that its first alone, `m…@example.com`. The mask does not tell how long the part is.
func MaskUser(user string) string {
	local, domain := user, ""
	if at := strings.LastIndexByte(user, '@'); at >= 0 {
		local, domain = user[:at], user[at:]
	}
	masked := "…"
	if first, size := utf8.DecodeRuneInString(local); size > 0 {
		masked = string(first) + masked
	}
	if utf8.RuneCountInString(local) > 2 {
		last, _ := utf8.DecodeLastRuneInString(local)
		masked += string(last)
	}
	return masked + domain
}
