package providertest

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/underlimit/underlimit/bucket"
	"github.com/underlimit/underlimit/providers"
)

// A subject is a provider and a request to ask it about.
type subject struct {
	p       providers.Provider
	req     *http.Request
	body    string
	secrets []string
}

// newSubject reads req's body, so that it can be offered again and again.
func newSubject(p providers.Provider, req *http.Request) (*subject, error) {
	s := &subject{p: p, req: req, secrets: secretsOf(req)}
	if req.Body == nil || req.Body == http.NoBody {
		return s, nil
	}
	b, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, fmt.Errorf("its body: %w", err)
	}
	s.body = string(b)
	return s, req.Body.Close()
}

// minSecret is how long a credential is at least that the suite finds by itself: a shorter one, as examples have, may
// stand in a key by chance.
const minSecret = 4

// secretsOf returns what no provider may show of a request, in lower case.
func secretsOf(req *http.Request) (secrets []string) {
	var found []string
	for _, field := range []string{"Authorization", "Proxy-Authorization", "Cookie"} {
		for _, v := range req.Header[field] {
			found = append(found, v, v[strings.LastIndexAny(v, " =")+1:])
		}
	}
	if _, password, ok := req.BasicAuth(); ok {
		found = append(found, password)
	}
	if req.URL.User != nil {
		password, _ := req.URL.User.Password()
		found = append(found, req.URL.User.Username(), password)
	}
	for _, v := range found {
		if len(v) >= minSecret {
			secrets = append(secrets, strings.ToLower(v))
		}
	}
	marked, _ := req.Context().Value(secretsKey{}).([]string)
	for _, v := range marked {
		if v != "" {
			secrets = append(secrets, strings.ToLower(v))
		}
	}
	return secrets
}

// A form is a way in which a request may offer its body.
type form string

const (
	readable form = "a body that can be read ahead"
	stream   form = "a body that cannot be read ahead"
	denied   form = "a body whose copy cannot be had"
	torn     form = "a body whose copy breaks off"
	endless  form = "an endless body"
)

// forms are those in which the subject can be asked about: without a body there is but one.
func (s *subject) forms() []form {
	if s.body == "" {
		return []form{readable}
	}
	return []form{readable, stream, denied, torn, endless}
}

// maxRead is how much of a body may be read ahead. An endless body ends there, in an error.
const maxRead = 4 << 20

var errTorn = errors.New("providertest: the copy broke off")

// A body notes what is done to it.
type body struct {
	io.Reader
	read   int
	closed int
}

func (b *body) Read(p []byte) (int, error) {
	if b.read > maxRead {
		return 0, errTorn
	}
	n, err := b.Reader.Read(p)
	b.read += n
	return n, err
}

func (b *body) Close() error {
	b.closed++
	return nil
}

// failing is the end of a torn body.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errTorn }

// padding is the rest of an endless body.
type padding struct{}

func (padding) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// content returns the body as one of its copies shows it.
func (s *subject) content(f form) io.Reader {
	switch whole := strings.NewReader(s.body); f {
	case torn:
		return io.MultiReader(io.LimitReader(whole, int64(len(s.body)/2)), failing{})
	case endless:
		return io.MultiReader(whole, padding{})
	default:
		return whole
	}
}

// request returns the request afresh, and the copies that will have been taken of its body.
func (s *subject) request(f form) (*http.Request, *[]*body) {
	req, copies := s.req.Clone(s.req.Context()), new([]*body)
	req.Body, req.GetBody = s.req.Body, nil
	if s.body == "" {
		return req, copies
	}
	req.Body = &body{Reader: s.content(f)}
	if f == endless {
		req.ContentLength = -1
	}
	if f != stream {
		req.GetBody = func() (io.ReadCloser, error) {
			if f == denied {
				return nil, errTorn
			}
			b := &body{Reader: s.content(f)}
			*copies = append(*copies, b)
			return b, nil
		}
	}
	return req, copies
}

// moments are when else the suite asks what a request is. A clock may stand anywhere.
var moments = []time.Time{
	{},
	time.Unix(0, 0),
	time.Unix(math.MinInt64, 0),
	time.Unix(math.MaxInt64, 0),
	time.Date(-9999, time.January, 1, 0, 0, 0, 0, time.UTC),
	time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC),
}

// classify asks what the request is at a moment, and returns which rules were broken in answering. It does not look at
// the answer, but for it to be the same twice.
func (s *subject) classify(f form, now time.Time) (call providers.Call, broken []error) {
	ask := func() (call providers.Call, claimed bool) {
		req, copies := s.request(f)
		before := req.Clone(req.Context())
		broken = append(broken, total("Classify", func() { call, claimed = s.p.Classify(req, now) })...)
		broken = append(broken, untouched("Classify", req, before, *copies)...)
		if call.BodyUnread && len(*copies) > 0 {
			broken = append(broken, errors.New("Classify reads a body that it says it left unread"))
		}
		return call, claimed
	}
	call, claimed := ask()
	again, claimedAgain := ask()
	if claimed != claimedAgain || !reflect.DeepEqual(call, again) {
		broken = append(broken, errors.New("Classify gives two answers to one question"))
	}
	if !claimed {
		broken = append(broken, errors.New("Classify does not claim the request"))
	}
	return call, append(broken, s.append(f, now, &call)...)
}

// append asks the same of a provider that may be lent memory for its draws, too little and enough, and returns which rules
// were broken.
func (s *subject) append(f form, now time.Time, want *providers.Call) (broken []error) {
	a, ok := s.p.(providers.Appender)
	if !ok {
		return nil
	}
	for _, room := range []int{0, 1, maxDraws} {
		req, copies := s.request(f)
		before := req.Clone(req.Context())
		draws := make([]bucket.Draw, room)
		for i := range draws {
			draws[i] = bucket.Draw{Key: bucket.Key{Subject: "left over"}, Weight: 2, Policy: &bucket.Policy{}}
		}
		broken = append(broken, total("AppendClassify", func() {
			got, claimed := a.AppendClassify(draws[:0], req, now)
			if !claimed || !reflect.DeepEqual(got, *want) {
				broken = append(broken, errors.New("AppendClassify gives another answer than Classify"))
			}
		})...)
		broken = append(broken, untouched("AppendClassify", req, before, *copies)...)
	}
	return broken
}

// maxDraws are more than a request has.
const maxDraws = 64

// untouched says what a method did to a request, and to copies of its body, that it must not.
func untouched(method string, req, before *http.Request, copies []*body) (broken []error) {
	rule := func(kept bool, breach string) {
		if !kept {
			broken = append(broken, errors.New(method+" "+breach))
		}
	}
	if b, ok := before.Body.(*body); ok {
		rule(b.read == 0, "reads the request's body")
		rule(b.closed == 0, "closes the request's body")
	}
	rule(req.Body == before.Body, "replaces the request's body")
	rule((req.GetBody == nil) == (before.GetBody == nil), "replaces the request's GetBody")

	now, then := *req, *before
	now.Body, now.GetBody, then.Body, then.GetBody = nil, nil, nil, nil // functions cannot be compared
	rule(reflect.DeepEqual(now, then), "changes the request")
	for _, b := range copies {
		rule(b.closed > 0, "leaves a copy of the body open")
		rule(b.read <= maxRead, "reads the body without bound")
	}
	return broken
}

// judge asks what an answer means, and returns which rules were broken in answering. It does not look at the verdict,
// but for it to be the same twice.
func (s *subject) judge(call *providers.Call, a *providers.Answer) (v providers.Verdict, broken []error) {
	req, copies := s.request(readable)
	before, callBefore, answerBefore := req.Clone(req.Context()), *call, *a
	callBefore.Draws = slices.Clone(call.Draws)
	answerBefore.Header, answerBefore.Body = a.Header.Clone(), slices.Clone(a.Body)

	var again providers.Verdict
	broken = total("Judge", func() { v, again = s.p.Judge(req, call, a), s.p.Judge(req, call, a) })
	broken = append(broken, untouched("Judge", req, before, *copies)...)
	if !reflect.DeepEqual(*call, callBefore) {
		broken = append(broken, errors.New("Judge changes the call"))
	}
	if !reflect.DeepEqual(*a, answerBefore) {
		broken = append(broken, errors.New("Judge changes the answer"))
	}
	if !reflect.DeepEqual(v, again) {
		broken = append(broken, errors.New("Judge gives two answers to one question"))
	}
	lent := *call
	lent.Room = leftOver()
	broken = append(broken, total("Judge", func() { again = s.p.Judge(req, &lent, a) })...)
	if !reflect.DeepEqual(v, again) {
		broken = append(broken, errors.New("Judge gives another answer where it is lent memory"))
	}
	return v, broken
}

// leftOver is memory in which another answer has left what it said.
func leftOver() *providers.Room {
	key := bucket.Key{Provider: "left", Limit: "over", Owner: "of", Subject: "another"}
	w := bucket.Window{
		Key: key, Limit: 9, Remaining: 9, ResetAfter: time.Hour, ResetAt: received, Date: received, Precision: time.Second,
	}
	r := &providers.Room{Alias: bucket.Alias{Key: key, To: key}, Windows: [...]bucket.Window{w, w}}
	r.Updates = [...]bucket.Update{&r.Alias, &r.Windows[0]}
	return r
}

// total calls f and says whether it panicked.
func total(what string, f func()) (broken []error) {
	defer func() {
		if r := recover(); r != nil {
			broken = append(broken, fmt.Errorf("%s panics: %v", what, r))
		}
	}()
	f()
	return nil
}
