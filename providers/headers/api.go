package headers

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/underlimit/underlimit/providers"
)

// An API describes an API whose limits need no code, only names and numbers. It is plain data: it can be written in a
// program, and read from JSON or, with a library that knows yaml tags and durations, from YAML: go.yaml.in/yaml/v3 does,
// and tells names that are none if its decoder's KnownFields are asked for. The zero value of every field but Hosts
// means that there is nothing particular to say.
type API struct {
	// Name names the API in keys and metrics. Empty is the first of Hosts.
	Name string `json:"name,omitempty" yaml:"name,omitempty"`

	// Hosts are the names of its hosts, with a port where that is not the scheme's own; an address of IPv6 stands in
	// brackets. In "*.example.com" the star stands for anything, and each host that it stands for is counted apart; all
	// others are one.
	Hosts []string `json:"hosts" yaml:"hosts"`

	// Credential names the header fields that hold the credential: the first that a request has tells whose limits
	// it is under. "?key" is the parameter key of the query. Empty is Authorization.
	Credential []string `json:"credential,omitempty" yaml:"credential,omitempty"`

	// Windows are the limits that answers tell of, shorter windows first: each is a bucket. None: the fields that many
	// APIs have are looked for, as they are for hosts that no API describes.
	Windows []Window `json:"windows,omitempty" yaml:"windows,omitempty"`

	// Silent says that answers tell nothing but how long to wait after a refusal. No request then has to go ahead
	// of others to see.
	Silent bool `json:"silent,omitempty" yaml:"silent,omitempty"`

	// Scopes are parts of the API with windows of their own. A request is in the first that it matches; without one it
	// is in a nameless scope with all others.
	Scopes []Scope `json:"scopes,omitempty" yaml:"scopes,omitempty"`

	// Scope names the field in which an answer tells which of Scopes it speaks of, if it does.
	Scope string `json:"scope,omitempty" yaml:"scope,omitempty"`

	// Uncounted are statuses of answers to requests that no window counts, such as 304 where it costs nothing to ask
	// whether anything changed. Limits count them all the same.
	Uncounted []int `json:"uncounted,omitempty" yaml:"uncounted,omitempty"`

	// Limits are what is documented. Their Host may be left out: it then is any of Hosts.
	Limits []Limit `json:"limits,omitempty" yaml:"limits,omitempty"`

	// Refusals say which answers refuse, and what. The first that matches counts. A 429 that none of them matches
	// refuses, too.
	Refusals []Refusal `json:"refusals,omitempty" yaml:"refusals,omitempty"`

	// Retry names a field in which an answer that refuses can say "false": sending the request again is of no use then.
	Retry string `json:"retry,omitempty" yaml:"retry,omitempty"`

	// Idempotency names the header fields which, with any value, make a request one that may be sent twice. That of
	// Idempotency-Key goes without saying.
	Idempotency []string `json:"idempotency,omitempty" yaml:"idempotency,omitempty"`
}

// A Window names the fields in which answers tell of one limit.
type Window struct {
	// Name tells the window from others of the API, in keys and metrics. One of them may have none.
	Name string `json:"name,omitempty" yaml:"name,omitempty"`

	// Limit, Remaining and Reset name the fields that tell how much the window holds, how much of it is left, and when
	// it ends. Limit may be empty, and Reset if there is a Length.
	Limit     string `json:"limit,omitempty"     yaml:"limit,omitempty"`
	Remaining string `json:"remaining,omitempty" yaml:"remaining,omitempty"`
	Reset     string `json:"reset,omitempty"     yaml:"reset,omitempty"`

	// ResetUnit is what Reset counts: see the constants. Empty finds out.
	ResetUnit ResetUnit `json:"reset_unit,omitempty" yaml:"reset_unit,omitempty"`

	// Usage names, in place of the fields above, one that tells how full a leaking bucket is, such as "39/40". Length is
	// then the time in which a full one leaks empty.
	Usage string `json:"usage,omitempty" yaml:"usage,omitempty"`

	// Length is how long the window lasts, where no field tells when it ends.
	Length time.Duration `json:"length,omitempty" yaml:"length,omitempty"`

	// Other says that it is not requests that the window counts, but tokens or bytes, say. Then it holds requests back
	// only while it is empty.
	Other bool `json:"other,omitempty" yaml:"other,omitempty"`
}

// A ResetUnit is what the field counts that tells when a window ends.
type ResetUnit string

// Empty is for all of these: a number of 500 million or more is an epoch, one of 500 thousand million or more in
// milliseconds, a smaller one is in seconds from now, and anything else is a duration, such as "6m0s", or a date.
const (
	Seconds           ResetUnit = "seconds"            // from now
	Milliseconds      ResetUnit = "milliseconds"       // from now
	EpochSeconds      ResetUnit = "epoch"              // since 1970
	EpochMilliseconds ResetUnit = "epoch milliseconds" // since 1970
)

// A Scope is a part of an API, by path and method, that has limits of its own. It is not a providers.Scope, which says
// whose limit refused a request.
type Scope struct {
	// Name names it in keys and metrics, and in answers where [API.Scope] says so.
	Name string `json:"name" yaml:"name"`
	// Path and Method are as in a [Limit].
	Path   string `json:"path,omitempty"   yaml:"path,omitempty"`
	Method string `json:"method,omitempty" yaml:"method,omitempty"`
}

// A Limit is a documented limit: so many requests in so long, to a host, at a path, with a method. A request is under
// all that match it and waits until all of them allow it.
type Limit struct {
	// Name names the limit in keys and metrics. Limits of one API with one name are one limit, of which the first that
	// a request matches says what it takes. Empty is a name made of what the limit says.
	Name string `json:"name,omitempty" yaml:"name,omitempty"`

	// Host is the name of a host, as in [API.Hosts]; empty is every host, each counted apart.
	Host string `json:"host,omitempty" yaml:"host,omitempty"`
	// Path is a path with all that is below it: "/search" and "/search/" are "/search" and "/search/users", not
	// "/searches". A segment "*" stands for any one, and "%2F" for a slash that is part of a segment. Empty is every
	// path.
	Path string `json:"path,omitempty" yaml:"path,omitempty"`
	// Method is a method, or several with spaces in between. Empty is every method.
	Method string `json:"method,omitempty" yaml:"method,omitempty"`
	// Credential is how the credential begins that the limit is for, such as "Bearer sk_test_". Empty is any.
	Credential string `json:"credential,omitempty" yaml:"credential,omitempty"`

	// Limit is how many requests may arrive in any span as long as Per. All of them may come at once.
	Limit int           `json:"limit,omitempty" yaml:"limit,omitempty"`
	Per   time.Duration `json:"per,omitempty"   yaml:"per,omitempty"`
	// Burst, unless 0, makes it a bucket that holds so many, and gets Limit of them back each Per, one by one.
	Burst int `json:"burst,omitempty" yaml:"burst,omitempty"`
	// Concurrent is how many requests may be in flight at once; 0 is any number.
	Concurrent int `json:"concurrent,omitempty" yaml:"concurrent,omitempty"`
	// Weight is how much of the limit a request takes; 0 is 1.
	Weight int `json:"weight,omitempty" yaml:"weight,omitempty"`

	// Endpoint has each endpoint counted apart: each method and path, but for those segments of the path that look like
	// the name of a thing. Words of lower-case letters, and versions such as v1, do not: they stand in keys, so that it
	// is not for an API whose paths hold secrets that look like words.
	Endpoint bool `json:"endpoint,omitempty" yaml:"endpoint,omitempty"`
	// Shared has all credentials counted together, as by an API that limits addresses.
	Shared bool `json:"shared,omitempty" yaml:"shared,omitempty"`
}

// A Refusal describes answers by which an API refuses a request because of a limit: those that have all of Status,
// Exhausted, Field, Values and Body. It is about what the API sends; transport.Refusal is about what a request gets that
// is not sent at all.
type Refusal struct {
	// Status is the answer's status.
	Status int `json:"status" yaml:"status"`
	// Exhausted asks for a window of which nothing is left.
	Exhausted bool `json:"exhausted,omitempty" yaml:"exhausted,omitempty"`
	// Field asks for a header field and, if there are Values, for one of these in it, in any case of letters.
	Field  string   `json:"field,omitempty"  yaml:"field,omitempty"`
	Values []string `json:"values,omitempty" yaml:"values,omitempty"`
	// Body asks for a text in the body's first 64 KiB, in any case of letters.
	Body string `json:"body,omitempty" yaml:"body,omitempty"`

	// Not says that such an answer refuses nothing, although one of the next refusals matches it.
	Not bool `json:"not,omitempty" yaml:"not,omitempty"`
	// Holds names the limit that refuses, one of [API.Limits]. Empty is the request's windows.
	Holds string `json:"holds,omitempty" yaml:"holds,omitempty"`
	// Scope says whose limit it is. Empty is unknown.
	Scope providers.Scope `json:"scope,omitempty" yaml:"scope,omitempty"`
	// Wait is how long to wait if the answer does not say, doubled with each further refusal in a row. 0 is a second.
	Wait time.Duration `json:"wait,omitempty" yaml:"wait,omitempty"`
	// Final says that it is of no use to send the request again soon: the caller gets the answer, and nobody waits.
	Final bool `json:"final,omitempty" yaml:"final,omitempty"`
}

// A duration is a time.Duration that JSON has as text, such as "1m30s".
type duration time.Duration

func (d duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

func (d *duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = duration(v)
	return err
}

// strictly reads JSON in which a name that is none is an error: a limit that is misspelled does not hold.
func strictly(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// UnmarshalJSON reads an API. Names that it does not know are errors.
func (a *API) UnmarshalJSON(text []byte) error {
	type plain API
	return strictly(text, (*plain)(a))
}

// UnmarshalJSON reads a scope. Names that it does not know are errors.
func (s *Scope) UnmarshalJSON(text []byte) error {
	type plain Scope
	return strictly(text, (*plain)(s))
}

type plainWindow Window

// MarshalJSON writes a window, its length as text such as "1m0s".
func (w Window) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		plainWindow
		Length duration `json:"length,omitempty"`
	}{plainWindow(w), duration(w.Length)})
}

// UnmarshalJSON reads a window. Names that it does not know are errors.
func (w *Window) UnmarshalJSON(text []byte) error {
	v := struct {
		*plainWindow
		Length *duration `json:"length"`
	}{(*plainWindow)(w), (*duration)(&w.Length)}
	return strictly(text, &v)
}

type plainLimit Limit

// MarshalJSON writes a limit, its time as text such as "1m0s".
func (l Limit) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		plainLimit
		Per duration `json:"per,omitempty"`
	}{plainLimit(l), duration(l.Per)})
}

// UnmarshalJSON reads a limit. Names that it does not know are errors.
func (l *Limit) UnmarshalJSON(text []byte) error {
	v := struct {
		*plainLimit
		Per *duration `json:"per"`
	}{(*plainLimit)(l), (*duration)(&l.Per)}
	return strictly(text, &v)
}

type plainRefusal Refusal

// MarshalJSON writes a refusal, its wait as text such as "1m0s".
func (r Refusal) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		plainRefusal
		Wait duration `json:"wait,omitempty"`
	}{plainRefusal(r), duration(r.Wait)})
}

// UnmarshalJSON reads a refusal. Names that it does not know are errors.
func (r *Refusal) UnmarshalJSON(text []byte) error {
	v := struct {
		*plainRefusal
		Wait *duration `json:"wait"`
	}{(*plainRefusal)(r), (*duration)(&r.Wait)}
	return strictly(text, &v)
}
