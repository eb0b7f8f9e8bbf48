// Package field parses the values of rate-limit header fields. Every function is total: a value that makes no sense is
// no value, and one that is too large is cut to Max.
package field

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Max is the longest time that any field is taken to mean. Longer ones are cut to it.
const Max = 366 * 24 * time.Hour

// maxNumber is how many bytes of a number are worth reading.
const maxNumber = 64

// Get returns the first value of a field, whose name must be spelled as net/http does: Header.Get makes sure of that each
// time, at the cost of several lookups.
func Get(h http.Header, name string) string {
	if values := h[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// IsName says whether a host, which may have a port and any letters, is but a name in lower case, as nearly all are. It
// asks less than it might: what is none may still be a name.
func IsName(host string) bool {
	for i := range len(host) {
		if c := host[i]; (c < 'a' || 'z' < c) && (c < '0' || '9' < c) && c != '-' && c != '.' {
			return false
		}
	}
	return host != "" && host[len(host)-1] != '.'
}

// Number parses a non-negative decimal number, such as "12" or "0.85".
func Number(s string) (float64, bool) {
	if f, ok := plain(s); ok {
		return f, true
	}
	s = strings.TrimSpace(s)
	if s == "" || len(s) > maxNumber || !isDecimal(s) {
		return 0, false // it might be hexadecimal, or have an underscore, or be "inf" or "nan"
	}
	f, err := strconv.ParseFloat(s, 64)
	if math.IsInf(f, 1) {
		return math.MaxFloat64, true // out of range: a number all the same
	}
	if err != nil || math.IsNaN(f) || f < 0 {
		return 0, false
	}
	return f, true
}

// maxDigits is how many digits a plain number has at most: any whole number of so many is a float64, and so is the power
// of ten that puts its point, so that their quotient is rounded but once and comes out as strconv would have it.
const maxDigits = 15

// plain parses digits with at most one point among them, as nearly all numbers are, at a fraction of what strconv takes.
// What it rejects may still be a number.
func plain(s string) (float64, bool) {
	if s == "" || len(s) > maxDigits {
		return 0, false
	}
	n, point := int64(0), -1
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9':
			n = 10*n + int64(c-'0')
		case c == '.' && point < 0:
			point = i
		default:
			return 0, false
		}
	}
	if point < 0 {
		return float64(n), true
	}
	return float64(n) / powers[len(s)-1-point], len(s) > 1
}

// powers are those of ten.
var powers = [maxDigits]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14}

// isDecimal says whether s has no byte but those of decimal numbers.
func isDecimal(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9', c == '.', c == 'e', c == 'E', c == '+', c == '-':
		default:
			return false
		}
	}
	return true
}

// Duration parses a non-negative number of units. It rounds up to a nanosecond, so that waiting for it is never too
// short.
func Duration(s string, unit time.Duration) (time.Duration, bool) {
	f, ok := Number(s)
	if !ok {
		return 0, false
	}
	return Scale(f, unit), true
}

// Scale returns f units, cut to the range from 0 to Max; a NaN is 0. It rounds up to a nanosecond, but not past what
// is only the error of the multiplication.
func Scale(f float64, unit time.Duration) time.Duration {
	ns := f * float64(unit)
	switch {
	case !(ns > 0):
		return 0
	case ns >= float64(Max):
		return Max
	}
	if r := math.Round(ns); math.Abs(ns-r) < 1e-3 {
		return time.Duration(r)
	}
	return time.Duration(math.Ceil(ns))
}

// Count parses a non-negative whole number, cut to the range of an int32.
func Count(s string) (int, bool) {
	f, ok := Number(s)
	if !ok || f != math.Trunc(f) {
		return 0, false
	}
	return int(min(f, math.MaxInt32)), true
}

// Instants outside of these cannot be told in nanoseconds since 1970, as clocks are compared.
var (
	earliest = time.Unix(0, 0).UTC()
	latest   = time.Unix(1<<33, 0).UTC() // in the year 2242
)

// Date returns the time of a Date header, zero if there is none that can be read.
func Date(h http.Header) time.Time {
	v := Get(h, "Date")
	t, ok := date(v)
	if !ok {
		var err error
		if t, err = http.ParseTime(v); err != nil {
			return time.Time{}
		}
	}
	if t.Before(earliest) || t.After(latest) {
		return time.Time{} // nobody's clock shows this
	}
	return t
}

// weekdays and months, with how many days of a usual year are before each month.
const weekdays = "SunMonTueWedThuFriSat"

var months = [...]struct {
	name   string
	before int
}{
	{"Jan", 0},
	{"Feb", 31},
	{"Mar", 59},
	{"Apr", 90},
	{"May", 120},
	{"Jun", 151},
	{"Jul", 181},
	{"Aug", 212},
	{"Sep", 243},
	{"Oct", 273},
	{"Nov", 304},
	{"Dec", 334},
	{"", 365},
}

// date parses http.TimeFormat since 1970, in which nearly all dates are, at a fraction of what http.ParseTime takes. What
// it rejects may still be a date.
func date(s string) (time.Time, bool) {
	if len(s) != len(http.TimeFormat) || s[3:5] != ", " || s[7] != ' ' || s[11] != ' ' || s[16] != ' ' ||
		s[19] != ':' || s[22] != ':' || s[25:] != " GMT" {
		return time.Time{}, false
	}
	century, year, month := digits(s[12:14]), digits(s[14:16]), monthOf(s[8:11])
	day, hour, minute, second := digits(s[5:7]), digits(s[17:19]), digits(s[20:22]), digits(s[23:25])
	if strings.Index(weekdays, s[:3])%3 != 0 || min(century, year, month, day-1, hour, minute, second) < 0 ||
		hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	if year += 100 * century; year < 1970 {
		return time.Time{}, false
	}
	before, length := months[month].before, months[month+1].before-months[month].before
	if leap := year%4 == 0 && (year%100 != 0 || year%400 == 0); leap {
		switch {
		case month == 1:
			length++
		case month > 1:
			before++
		}
	}
	if day > length {
		return time.Time{}, false
	}
	y := year - 1
	days := 365*y + y/4 - y/100 + y/400 - daysTo1970 + before + day - 1
	return time.Unix(int64(((days*24+hour)*60+minute)*60+second), 0).UTC(), true
}

// daysTo1970 is how many there were from the year 1 on.
const daysTo1970 = 719_162

// monthOf returns the index of a month; negative if it is none.
func monthOf(name string) int {
	for i := range len(months) - 1 {
		if months[i].name == name {
			return i
		}
	}
	return -1
}

// digits parses two digits; what is none is negative.
func digits(s string) int {
	a, b := int(s[0])-'0', int(s[1])-'0'
	if a < 0 || a > 9 || b < 0 || b > 9 {
		return -1
	}
	return 10*a + b
}

// Whole numbers above these are no delay but an instant, in seconds or milliseconds since 1970: real servers send
// both in Retry-After and in reset fields.
const (
	// 1985: no server is that far behind, no delay of 16 years is meant, and the virtual time of testing/synctest, which
	// begins in 2000, lies above it.
	epochSeconds = 5e8
	epochMillis  = epochSeconds * 1e3
	maxMillis    = 1e15 // the year 33658, in either unit nonsense
)

// Instant parses an instant: seconds or milliseconds since 1970, or a date in one of the forms that servers use. It is
// in UTC, and cut to between 1970 and 2242.
func Instant(s string) (time.Time, bool) {
	t, ok := instant(strings.TrimSpace(s))
	switch {
	case !ok:
		return time.Time{}, false
	case t.Before(earliest):
		return earliest, true
	case t.After(latest):
		return latest, true
	}
	return t.UTC(), true
}

func instant(s string) (time.Time, bool) {
	if f, ok := Number(s); ok {
		switch {
		case f > maxMillis:
			return time.Time{}, false
		case f >= epochMillis:
			return time.UnixMicro(int64(math.Ceil(f * 1e3))), true
		case f >= epochSeconds && f == math.Trunc(f):
			return time.Unix(int64(f), 0), true
		case f >= epochSeconds:
			sec, frac := math.Modf(f)
			return time.Unix(int64(sec), int64(math.Ceil(frac*1e9))), true
		}
		return time.Time{}, false
	}
	if len(s) > maxNumber {
		return time.Time{}, false
	}
	if t, err := http.ParseTime(s); err == nil {
		return t, true
	}
	// Servers written in Go often say "UTC" where HTTP says "GMT". Any other zone name would silently be read as UTC.
	if t, err := time.Parse(time.RFC1123, s); err == nil && strings.HasSuffix(s, " UTC") {
		return t, true
	}
	for _, layout := range []string{time.RFC1123Z, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// Span parses a duration with its unit or units, such as "6m0s", "1.5s" or "20ms", cut to Max.
func Span(s string) (time.Duration, bool) {
	s = strings.TrimSpace(s)
	if len(s) > maxNumber || isDecimal(s) { // "0" has no unit, and errors take time
		return 0, false
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, false
	}
	return min(d, Max), true
}

// RetryAfter reads the Retry-After field as [Delay] does.
func RetryAfter(h http.Header, unit time.Duration, received time.Time) (time.Duration, bool) {
	return Delay(h, "Retry-After", unit, received)
}

// Delay reads a field as a time from the answer on. Its value is a number of units, an instant or a date; dates are
// compared with the answer's own Date, or with received if it has none. It reports false if the field is absent or makes
// no sense; an instant that is past is 0.
func Delay(h http.Header, name string, unit time.Duration, received time.Time) (time.Duration, bool) {
	v := Get(h, name)
	if v == "" {
		return 0, false
	}
	at, ok := Instant(v)
	if !ok {
		return Duration(v, unit)
	}
	now := Date(h)
	if now.IsZero() {
		now = received
	}
	return min(max(at.Sub(now), 0), Max), true
}
