package field_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/internal/field"
)

func TestNumberTakesPlainDecimalsOnly(t *testing.T) {
	for s, want := range map[string]float64{
		"0": 0, "12": 12, "0.85": 0.85, ".5": 0.5, "5.": 5, " 7 ": 7, "+3": 3, "1e3": 1000, "-0": 0,
		"1e400": math.MaxFloat64, strings.Repeat("9", 64): 1e64,
	} {
		if got, ok := field.Number(s); !ok || got != want {
			t.Errorf("Number(%q) = %v, %t, want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{
		"", " ", "-1", "-1e400", "NaN", "Inf", "+Inf", "infinity", "0x10", "1_000", "1,000", "1 2", "abc", "e", ".", "--1",
		"1e", "٣", "\x00", strings.Repeat("9", 65),
	} {
		if got, ok := field.Number(s); ok || got != 0 {
			t.Errorf("Number(%q) = %v, %t, want nothing", s, got, ok)
		}
	}
}

func TestDurationIsNeverTooShort(t *testing.T) {
	for _, tt := range []struct {
		s    string
		unit time.Duration
		want time.Duration
	}{
		{"0", time.Second, 0},
		{"0.85", time.Second, 850 * time.Millisecond}, // the product of the floats is above it
		{"0.3", time.Second, 300 * time.Millisecond},
		{"64.57", time.Second, 64570 * time.Millisecond},
		{"1336.57", time.Millisecond, 1336570 * time.Microsecond},
		{"0.0000000011", time.Second, 2},
		{"1e-300", time.Second, 0},
		{"1e30", time.Second, field.Max},
		{"31622400", time.Second, field.Max},
		{"31622399", time.Second, field.Max - time.Second},
		{"99999999999999999999", time.Millisecond, field.Max},
	} {
		if got, ok := field.Duration(tt.s, tt.unit); !ok || got != tt.want {
			t.Errorf("Duration(%q, %v) = %v, %t, want %v", tt.s, tt.unit, got, ok, tt.want)
		}
	}
	if got, ok := field.Duration("-1", time.Second); ok || got != 0 {
		t.Errorf("Duration of less than nothing = %v, %t", got, ok)
	}
}

func TestSpanHasAUnit(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"6m0s": 6 * time.Minute, "1s": time.Second, "20ms": 20 * time.Millisecond, " 1.5h ": 90 * time.Minute,
		"0s": 0, "2562047h": field.Max, "7.66s": 7660 * time.Millisecond,
	} {
		if got, ok := field.Span(s); !ok || got != want {
			t.Errorf("Span(%q) = %v, %t, want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "0", "5", "-1s", "1e9s", "s", "999999999h", "1d", "NaNs", strings.Repeat("1", 64) + "s"} {
		if got, ok := field.Span(s); ok || got != 0 {
			t.Errorf("Span(%q) = %v, %t, want nothing", s, got, ok)
		}
	}
}

func TestScaleTakesAnyNumber(t *testing.T) {
	for f, want := range map[float64]time.Duration{
		math.NaN(): 0, math.Inf(1): field.Max, math.Inf(-1): 0, -1: 0, 0: 0, 2.5: 2500 * time.Millisecond,
	} {
		if got := field.Scale(f, time.Second); got != want {
			t.Errorf("Scale(%v) = %v, want %v", f, got, want)
		}
	}
}

func TestCountTakesWholeNumbersOnly(t *testing.T) {
	for s, want := range map[string]int{
		"0": 0, "167": 167, "5.0": 5, "1e2": 100, "-0": 0, "2147483648": math.MaxInt32, "1e300": math.MaxInt32,
	} {
		if got, ok := field.Count(s); !ok || got != want {
			t.Errorf("Count(%q) = %v, %t, want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "-1", "0.5", "NaN", "abc", "3, 3;w=3600"} {
		if got, ok := field.Count(s); ok || got != 0 {
			t.Errorf("Count(%q) = %v, %t, want nothing", s, got, ok)
		}
	}
}

func TestDateIsWhatAClockCouldShow(t *testing.T) {
	want := time.Date(2017, time.February, 19, 7, 15, 13, 0, time.UTC)
	for _, s := range []string{
		"Sun, 19 Feb 2017 07:15:13 GMT", "Sunday, 19-Feb-17 07:15:13 GMT", "Sun Feb 19 07:15:13 2017",
	} {
		if got := field.Date(http.Header{"Date": {s}}); !got.Equal(want) {
			t.Errorf("Date of %q = %v, want %v", s, got, want)
		}
	}
	for _, s := range []string{
		"", "1487488513", "tomorrow", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 GMT",
	} {
		if got := field.Date(http.Header{"Date": {s}}); !got.IsZero() {
			t.Errorf("Date of %q = %v, want none", s, got)
		}
	}
	if got := field.Date(nil); !got.IsZero() {
		t.Errorf("Date of no header = %v, want none", got)
	}
}

// Whatever becomes of the usual form, it is read as net/http reads it.
func TestDateIsThatOfNetHTTP(t *testing.T) {
	check := func(s string) {
		t.Helper()
		want, err := http.ParseTime(s)
		if err != nil || want.Year() < 1970 || want.Year() > 2241 {
			want = time.Time{}
		}
		if got := field.Date(http.Header{"Date": {s}}); got != want {
			t.Errorf("Date of %q = %v, want %v", s, got, want)
		}
	}
	for at := time.Unix(0, 0).UTC(); at.Year() < 2030; at = at.Add(41*time.Hour + 59*time.Minute + 59*time.Second) {
		check(at.Format(http.TimeFormat))
	}
	const usual = "Thu, 29 Feb 2024 23:59:59 GMT"
	for i := range len(usual) {
		for _, c := range []byte("0123456789 :,-SatMonFebDecGMT\x00\xff") {
			check(usual[:i] + string([]byte{c}) + usual[i+1:])
			check(usual[:i] + string([]byte{c}) + usual[i:])
		}
		check(usual[:i] + usual[i+1:])
	}
}

func TestEveryDayIsThatOfNetHTTP(t *testing.T) {
	for at := time.Unix(-86399, 0).UTC(); at.Year() < 2242; at = at.Add(86399 * time.Second) {
		want := at
		if at.Unix() < 0 {
			want = time.Time{}
		}
		s := at.Format(http.TimeFormat)
		if got := field.Date(http.Header{"Date": {s}}); got != want {
			t.Fatalf("Date of %q = %v, want %v", s, got, want)
		}
		next := []byte(s) // a day later, which not every month has
		copy(next[5:7], fmt.Sprintf("%02d", at.Day()+1))
		want, err := http.ParseTime(string(next))
		if got := field.Date(http.Header{"Date": {string(next)}}); got != want && at.Unix() >= 0 {
			t.Fatalf("Date of %q = %v, want %v, %v", next, got, want, err)
		}
	}
}

func BenchmarkDate(b *testing.B) {
	h := http.Header{"Date": {"Thu, 29 Feb 2024 23:59:59 GMT"}}
	for b.Loop() {
		field.Date(h)
	}
}

func TestInstantReadsEveryFormInUse(t *testing.T) {
	sec := time.Unix(1487332510, 0).UTC()
	latest := time.Unix(1<<33, 0).UTC()
	for s, want := range map[string]time.Time{
		"1487332510":                      sec,
		" 1487332510 ":                    sec,
		"1487332510.5":                    sec.Add(500 * time.Millisecond),
		"1487332510250":                   sec.Add(250 * time.Millisecond),
		"1487332510250.5":                 sec.Add(250*time.Millisecond + 500*time.Microsecond),
		"Fri, 17 Feb 2017 11:55:10 GMT":   sec,
		"Fri, 17 Feb 2017 11:55:10 UTC":   sec,
		"Fri, 17 Feb 2017 12:55:10 +0100": sec,
		"Friday, 17-Feb-17 11:55:10 GMT":  sec,
		"Fri Feb 17 11:55:10 2017":        sec,
		"2017-02-17T12:55:10+01:00":       sec,
		"Thu, 01 Jan 1970 00:00:00 GMT":   time.Unix(0, 0).UTC(),
		"Mon, 01 Jan 0001 00:00:00 GMT":   time.Unix(0, 0).UTC(),
		"Fri, 31 Dec 9999 23:59:59 GMT":   latest,
		"499999999999":                    latest,
		"999999999999999":                 latest,
	} {
		if got, ok := field.Instant(s); !ok || got != want { // == holds the zone to UTC, too
			t.Errorf("Instant(%q) = %v, %t, want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{
		"", "0", "60", "499999999", "-1487332510", "1e16", "1e30", "NaN", "now", "6m0s",
		"Fri, 17 Feb 2017 11:55:10 PST", // a zone that would be read as if it were UTC
		strings.Repeat("9", 5000), strings.Repeat("Fri, ", 100),
	} {
		if got, ok := field.Instant(s); ok || !got.IsZero() {
			t.Errorf("Instant(%q) = %v, %t, want nothing", s, got, ok)
		}
	}
}

func TestRetryAfterIsATimeFromTheAnswerOn(t *testing.T) {
	received := time.Date(2017, time.February, 17, 11, 55, 0, 0, time.UTC)
	hourAhead := "Fri, 17 Feb 2017 12:55:00 GMT" // the server's clock
	for _, tt := range []struct {
		value, date string
		unit        time.Duration
		want        time.Duration
		ok          bool
	}{
		{"", "", time.Second, 0, false},
		{"soon", "", time.Second, 0, false},
		{"-5", "", time.Second, 0, false},
		{"0", "", time.Second, 0, true},
		{"7", "", time.Second, 7 * time.Second, true},
		{"2.0", "", time.Second, 2 * time.Second, true},
		{"1337", "", time.Millisecond, 1337 * time.Millisecond, true},
		{"1e30", "", time.Second, field.Max, true},
		{"Fri, 17 Feb 2017 11:55:10 GMT", "", time.Second, 10 * time.Second, true},
		{"Fri, 17 Feb 2017 12:55:10 GMT", hourAhead, time.Second, 10 * time.Second, true},
		{"Fri, 17 Feb 2017 11:54:59 GMT", "", time.Second, 0, true},
		{"Fri, 31 Dec 9999 23:59:59 GMT", "", time.Second, field.Max, true},
		{"1487332510", "", time.Second, 10 * time.Second, true},
		{"1487332510", "", time.Millisecond, 10 * time.Second, true},
		{"1487332510500", "", time.Second, 10*time.Second + 500*time.Millisecond, true},
	} {
		h := http.Header{"Retry-After": {tt.value}, "Date": {tt.date}}
		if got, ok := field.RetryAfter(h, tt.unit, received); got != tt.want || ok != tt.ok {
			t.Errorf("RetryAfter of %q at %q = %v, %t, want %v, %t", tt.value, tt.date, got, ok, tt.want, tt.ok)
		}
		h = http.Header{"X-Wait": {tt.value}, "Date": {tt.date}}
		if got, ok := field.Delay(h, "X-Wait", tt.unit, received); got != tt.want || ok != tt.ok {
			t.Errorf("Delay of %q at %q = %v, %t, want %v, %t", tt.value, tt.date, got, ok, tt.want, tt.ok)
		}
	}
}

// FuzzFields holds every parser to its range, whatever it is given.
// Nearly all numbers are short, and parsed without strconv.
func TestNumbersAreWhatStrconvMakesOfThem(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		s := fmt.Appendf(nil, "%0*d", 1+rnd.IntN(17), rnd.Uint64N(1e15))
		if i := rnd.IntN(len(s) + 2); i < len(s) {
			s = slices.Insert(s, i, '.')
		}
		want, err := strconv.ParseFloat(string(s), 64)
		if got, ok := field.Number(string(s)); !ok || err != nil || got != want {
			t.Fatalf("Number(%q) = %v, %t, want %v", s, got, ok, want)
		}
	}
}

func BenchmarkFields(b *testing.B) {
	for name, f := range map[string]func(){
		"Count":    func() { field.Count("16777215") },
		"Duration": func() { field.Duration("1.000", time.Second) },
		"Instant":  func() { field.Instant("1487332510") },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f()
			}
		})
	}
}

func FuzzFields(f *testing.F) {
	for _, s := range []string{
		"", "0", "-0", "12", "0.85", "-1", "1e30", "1e-30", "1e400", "NaN", "Inf", "0x10", "1_0", "9007199254740993",
		"99999999999999999999", "1487332510", "1487332510.999999999", "1487332510250", "999999999999999", "1e15",
		"Fri, 17 Feb 2017 11:55:10 GMT", "Fri, 17 Feb 2017 11:55:10 UTC", "Fri, 31 Dec 9999 23:59:59 GMT",
		"Mon, 01 Jan 0001 00:00:00 GMT", "2017-02-17T12:55:10+01:00", "3, 3;w=3600", "\x00", "\xff", "٣",
		"6m0s", "20ms", "-1h", "9223372036854775807ns",
	} {
		f.Add(s, "Fri, 17 Feb 2017 11:55:00 GMT")
		f.Add("7", s)
	}
	received := time.Date(2017, time.February, 17, 11, 55, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, s, date string) {
		n, ok := field.Number(s)
		if !(n >= 0 && n <= math.MaxFloat64) || !ok && n != 0 {
			t.Errorf("Number(%q) = %v, %t", s, n, ok)
		}
		if want, err := strconv.ParseFloat(strings.TrimSpace(s), 64); ok && err == nil && n != want {
			t.Errorf("Number(%q) = %v, want %v", s, n, want)
		}
		for _, unit := range []time.Duration{time.Millisecond, time.Second, time.Hour} {
			if d, ok := field.Duration(s, unit); d < 0 || d > field.Max || !ok && d != 0 {
				t.Errorf("Duration(%q, %v) = %v, %t", s, unit, d, ok)
			}
		}
		if d, ok := field.Span(s); d < 0 || d > field.Max || !ok && d != 0 {
			t.Errorf("Span(%q) = %v, %t", s, d, ok)
		}
		if c, ok := field.Count(s); c < 0 || c > math.MaxInt32 || !ok && c != 0 {
			t.Errorf("Count(%q) = %v, %t", s, c, ok)
		}
		if at, ok := field.Instant(s); ok && !at.Equal(time.Unix(0, at.UnixNano())) || !ok && !at.IsZero() {
			t.Errorf("Instant(%q) = %v, %t", s, at, ok)
		}
		h := http.Header{"Retry-After": {s}, "Date": {date}}
		if at := field.Date(h); !at.IsZero() && !at.Equal(time.Unix(0, at.UnixNano())) {
			t.Errorf("Date of %q = %v", date, at)
		}
		if d, ok := field.RetryAfter(h, time.Second, received); d < 0 || d > field.Max || !ok && d != 0 {
			t.Errorf("RetryAfter of %q at %q = %v, %t", s, date, d, ok)
		}
	})
}

func TestANameIsOneInLowerCaseAlone(t *testing.T) {
	for host, want := range map[string]bool{
		"slack.com": true, "api.eu-1.example": true, "localhost": true, "127.0.0.1": true,
		"": false, "slack.com.": false, "Slack.com": false, "slack.com:443": false, "[::1]": false, "a_b": false,
		"a/b": false, "ü.example": false, "a b": false,
	} {
		if got := field.IsName(host); got != want {
			t.Errorf("%q: got %t", host, got)
		}
	}
}
