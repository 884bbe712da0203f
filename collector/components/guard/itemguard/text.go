package itemguard

import (
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// fits returns true for a text that is valid UTF-8 within a limit of bytes.
func fits(text string, limit int) bool { return len(text) <= limit && utf8.ValidString(text) }

// cut returns a text that fits.
func cut(text string, limit int) string {
	if len(text) > limit {
		end := limit
		for end > max(0, limit-utf8.UTFMax) && !utf8.RuneStart(text[end]) {
			end-- // not within a character
		}
		text = text[:end]
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) > limit { // a replacement has three bytes for one
		return cut(text, limit)
	}
	return text
}

// cutTo cuts a text where it is, and returns 1 if it had to.
func cutTo(text string, limit int, set func(string)) int {
	if fits(text, limit) {
		return 0
	}
	set(cut(text, limit))
	return 1
}

// size returns the bytes of text in a value, and false if a text is not valid UTF-8.
func size(value pcommon.Value) (int, bool) {
	switch value.Type() {
	case pcommon.ValueTypeStr:
		return len(value.Str()), utf8.ValidString(value.Str())
	case pcommon.ValueTypeBytes:
		return value.Bytes().Len() * 4 / 3, true
	case pcommon.ValueTypeSlice:
		total, valid := 0, true
		for i, list := 0, value.Slice(); i < list.Len(); i++ {
			n, ok := size(list.At(i))
			total, valid = total+n+3, valid && ok
		}
		return total, valid
	case pcommon.ValueTypeMap:
		total, valid := 0, true
		for key, one := range value.Map().All() {
			n, ok := size(one)
			total, valid = total+len(key)+n+6, valid && ok && utf8.ValidString(key)
		}
		return total, valid
	default:
		return 0, true
	}
}

// tidy makes the attributes of a resource, span, event or link fit, and returns the number of changes.
func (g guard) tidy(attributes pcommon.Map, limit int) (changes, dropped int) {
	left := g.Attributes
	attributes.RemoveIf(func(key string, value pcommon.Value) bool {
		if key == "" || !fits(key, g.Name) || left == 0 {
			dropped++
			return true
		}
		left--
		if n, valid := size(value); n > limit || !valid {
			changes++
			text := value.AsString()
			value.SetStr(cut(text, limit))
		}
		return false
	})
	return changes + dropped, dropped
}
