package slack

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/underlimit/underlimit/internal/field"
)

// args are the arguments of a call that say whose limits it is under. Clients send them in any way that Slack takes:
// https://docs.slack.dev/apis/web-api/
type args struct {
	wants wants // and not found yet

	token    string
	client   string // whose limit it is where there is no token, as in oauth.v2.access
	channels string // separated by commas
	team     string // the workspace that a token of a whole organization is used for
	user     string // whom the call is about
}

// wants are the arguments that matter to a call.
type wants uint8

const (
	wantToken wants = 1 << iota
	wantChannel
	wantTeam
	wantUser
)

// read looks where it is cheapest first. A header's token is also the one that Slack heeds where two are given.
func (a *args) read(req *http.Request) {
	if a.wants&wantToken != 0 {
		if a.token, a.client = headerCredential(req); a.token != "" || a.client != "" {
			a.wants &^= wantToken // whoever names an app by Basic does so for its own sake
		}
	}
	if !a.complete() {
		a.readForm([]byte(req.URL.RawQuery), true)
	}
	if !a.complete() {
		a.readBody(req)
	}
}

// complete says whether nothing that is wanted is missing.
func (a *args) complete() bool { return a.wants == 0 }

func (a *args) credential() string {
	if a.token == "" {
		return a.client
	}
	return a.token
}

// field returns where the argument of that name goes, and what is no longer wanted then. It returns nil if the argument
// is not wanted.
func (a *args) field(name string) (f *string, found wants) {
	switch name {
	case "token":
		f, found = &a.token, wantToken
	case "channel", "channel_id", "channels":
		f, found = &a.channels, wantChannel
	case "team_id":
		f, found = &a.team, wantTeam
	case "user":
		f, found = &a.user, wantUser
	case "client_id": // a token may yet come
		if a.wants&wantToken != 0 {
			return &a.client, 0
		}
	}
	if a.wants&found == 0 {
		return nil, 0
	}
	return f, found
}

// set gives a field its value, which may be empty and then is none.
func (a *args) set(f *string, found wants, value string) {
	if value = strings.TrimSpace(value); value != "" {
		*f = value
		a.wants &^= found
	}
}

// headerCredential returns the token of the Authorization header. A Basic one names an app by its client ID instead.
func headerCredential(req *http.Request) (token, client string) {
	v := strings.TrimSpace(field.Get(req.Header, "Authorization"))
	scheme, token, _ := strings.Cut(v, " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token), ""
	}
	if client, _, ok := req.BasicAuth(); ok && client != "" {
		return "", client
	}
	return v, ""
}

// headerArgs are those of a request that has its credential in the header.
func headerArgs(req *http.Request) (a args) {
	a.token, a.client = headerCredential(req)
	return a
}

const (
	// maxPrefix is how much of a body is read.
	maxPrefix = 64 << 10
	// firstRead is how much of it is read at first: the arguments that matter often come before a long text.
	firstRead = 2 << 10
)

var prefixes = sync.Pool{New: func() any { return new([maxPrefix]byte) }}

func (a *args) readBody(req *http.Request) {
	if req.GetBody == nil || req.Body == nil || req.Body == http.NoBody || a.cannotHold(req.ContentLength) {
		return
	}
	contentType := field.Get(req.Header, "Content-Type")
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.TrimSpace(media)
	isForm := media == "" || isMedia(media, "application/x-www-form-urlencoded")
	isJSON := !isForm && isMedia(media, "application/json")
	if !isForm && !isJSON && !isMedia(media, "multipart/form-data") {
		return
	}
	body, err := req.GetBody()
	if err != nil {
		return
	}
	defer body.Close()

	buf, n := prefixes.Get().(*[maxPrefix]byte), 0
	defer func() {
		clear(buf[:n]) // no credential is left lying about
		prefixes.Put(buf)
	}()
	for _, most := range [...]int{firstRead, maxPrefix} {
		m, whole := fill(buf[n:most], body)
		n += m
		switch { // from the start again: what was found stays
		case isForm:
			a.readForm(buf[:n], whole)
		case isJSON:
			a.readJSON(buf[:n])
		default:
			a.readMultipart(buf[:n], contentType)
		}
		if n < most || a.complete() {
			return
		}
	}
}

// isMedia says whether a media type is one that is given in lower case, as it mostly is.
func isMedia(media, is string) bool { return media == is || strings.EqualFold(media, is) }

// cannotHold says whether a body is too short for what is missing, as those of many calls are that need no argument.
func (a *args) cannotHold(length int64) bool {
	return a.wants == wantTeam && length >= 0 && length < int64(len("team_id=T1"))
}

// maxIdle is how many reads in a row may bring nothing.
const maxIdle = 100

// fill reads into buf until it is full or r ends, and says whether r ended as it should.
func fill(buf []byte, r io.Reader) (n int, whole bool) {
	for idle := 0; n < len(buf) && idle < maxIdle; idle++ {
		m, err := r.Read(buf[n:])
		if n += m; err != nil {
			return n, err == io.EOF
		}
		if m > 0 {
			idle = 0
		}
	}
	return n, false
}

// readForm does without url.ParseQuery, which would make a copy of a whole message. Of a form that was cut off, it
// leaves out the last pair.
func (a *args) readForm(form []byte, whole bool) {
	for len(form) > 0 && !a.complete() {
		pair, rest, more := bytes.Cut(form, []byte{'&'})
		if !more && !whole {
			return
		}
		form = rest
		key, value, _ := bytes.Cut(pair, []byte{'='})
		if f, found := a.formField(key); f != nil {
			if v, err := url.QueryUnescape(string(value)); err == nil {
				a.set(f, found, v)
			}
		}
	}
}

// maxName is how long the longest wanted name can be when all of it is escaped.
const maxName = 3 * len("channel_id")

func (a *args) formField(key []byte) (f *string, found wants) {
	if len(key) > maxName {
		return nil, 0
	}
	if bytes.IndexByte(key, '%') < 0 {
		return a.field(string(key)) // the usual case, which takes no memory
	}
	name, err := url.QueryUnescape(string(key))
	if err != nil {
		return nil, 0
	}
	return a.field(name)
}

func (a *args) readJSON(text []byte) {
	members(text, func(name, value []byte) bool {
		if f, found := a.field(string(name)); f != nil {
			if v, ok := jsonString(value); ok {
				a.set(f, found, v)
			}
		}
		return !a.complete()
	})
}

func (a *args) readMultipart(text []byte, contentType string) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "" {
		return
	}
	parts := multipart.NewReader(bytes.NewReader(text), params["boundary"])
	for !a.complete() {
		part, err := parts.NextPart()
		if err != nil {
			return
		}
		f, found := a.field(part.FormName())
		if f == nil || part.FileName() != "" {
			continue
		}
		v, err := io.ReadAll(part)
		if err != nil {
			return
		}
		a.set(f, found, string(v))
	}
}
