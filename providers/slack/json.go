package slack

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// members calls f for each member of a JSON object, until f returns false or the text breaks off or makes no sense.
// Objects and lists within are not looked into but for where they end: that takes neither memory nor much time, of a
// message of any length. f must not keep or change what it is given.
func members(text []byte, f func(name, value []byte) bool) {
	text, ok := after(text, '{')
	for ok && len(text) > 0 && text[0] == '"' {
		raw, rest := value(text)
		if text, ok = after(rest, ':'); raw == nil || !ok {
			return
		}
		name := raw[1 : len(raw)-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			s, ok := jsonString(raw)
			if !ok {
				return
			}
			name = []byte(s)
		}
		v, rest := value(text)
		if v == nil || !f(name, v) {
			return
		}
		text, ok = after(rest, ',')
	}
}

// after returns what follows a character, with space around it left out. It reports false if the text does not begin
// with that.
func after(text []byte, c byte) ([]byte, bool) {
	text = skipSpace(text)
	if len(text) == 0 || text[0] != c {
		return nil, false
	}
	return skipSpace(text[1:]), true
}

func skipSpace(text []byte) []byte {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\n' || text[0] == '\t' || text[0] == '\r') {
		text = text[1:]
	}
	return text
}

// value splits a text after the value that it begins with; the value is nil if it does not end.
func value(text []byte) (v, rest []byte) {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			if i = closing(text, i); i == len(text) {
				return nil, nil
			}
			if depth == 0 {
				return text[:i+1], text[i+1:]
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return text[:i+1], text[i+1:]
			}
			if depth < 0 {
				return scalar(text, i)
			}
		case ',', ' ', '\n', '\t', '\r':
			if depth == 0 {
				return scalar(text, i)
			}
		}
	}
	return nil, nil
}

// scalar splits a text after a number or the like that ends there, if there is one.
func scalar(text []byte, end int) (v, rest []byte) {
	if end == 0 {
		return nil, nil
	}
	return text[:end], text[end:]
}

// closing returns where the string ends that begins at start; len(text) if it does not.
func closing(text []byte, start int) int {
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case '"':
			return i
		case '\\':
			i++
		}
	}
	return len(text)
}

// jsonString returns the string that a value is; it reports false if it is none.
func jsonString(value []byte) (s string, ok bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	if inner := value[1 : len(value)-1]; isPlain(inner) {
		return string(inner), true // as nearly all are
	}
	return s, json.Unmarshal(value, &s) == nil
}

// isPlain says whether a string in JSON means just what it says.
func isPlain(inner []byte) bool {
	for _, c := range inner {
		if c < ' ' || c == '\\' || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
