package discord

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strings"
)

// maxSegments is how much of a path is looked at: one segment more than the longest template has.
const maxSegments = 8

// maxName is the longest that a segment may be and stand in a key. A snowflake has at most 20 digits.
const maxName = 32

// interactionToken begins the token of every interaction: it is base64 for "interaction:". The token of a webhook is
// random and does not begin so.
const interactionToken = "aW50ZXJhY3Rpb246"

// A path is what matters of a URL of the API.
type path struct {
	// legacy says that the version is below 8 or, as in the URLs of webhooks that Discord's own client shows, not
	// given, which means 6. Answers then tell times in other units.
	//
	// https://discord.com/developers/docs/reference#api-versioning
	legacy bool

	buf  [maxSegments]string // the segments of what follows /api and the version, without empty ones
	n    int                 // how many of buf there are
	cut  bool                // there were more
	id   bool                // the second, an ID or a code in all templates, may stand in a key
	both string              // the first two as they stand there; "" if anything is escaped
}

// parse reads a URL into a zero path. It reports false if u is not below /api.
func (p *path) parse(u *url.URL) bool {
	p.legacy = true
	rest, escaped := u.Path, u.RawPath != ""
	if escaped {
		rest = u.EscapedPath() // here a segment may hold a slash of its own
	}
	begin := ""
	for i := 0; ; i++ {
		at := trimSlashes(rest)
		seg := at
		rest = ""
		if end := strings.IndexByte(at, '/'); end >= 0 {
			seg, rest = at[:end], at[end:]
		}
		if escaped {
			seg = unescaped(seg)
		}
		switch {
		case i == 0:
			if seg != "api" {
				return false
			}
		case seg == "":
			return true
		case i == 1 && isVersion(seg):
			p.legacy = len(seg) == len("v8") && seg < "v8"
		case p.n == maxSegments:
			p.cut = true
			return true
		default:
			switch p.n {
			case 0:
				begin = at
			case 1:
				p.id = isName(seg)
				if !escaped {
					p.both = begin[:len(begin)-len(rest)]
				}
			}
			p.buf[p.n] = seg
			p.n++
		}
	}
}

// unescaped returns a segment as it is meant.
func unescaped(seg string) string {
	if plain, err := url.PathUnescape(seg); err == nil {
		return plain
	}
	return seg
}

// trimSlashes returns s from its first other byte on. strings.TrimLeft takes longer to find that there is one slash.
func trimSlashes(s string) string {
	for s != "" && s[0] == '/' {
		s = s[1:]
	}
	return s
}

func isVersion(seg string) bool {
	if len(seg) < 2 || seg[0] != 'v' {
		return false
	}
	for i := 1; i < len(seg); i++ {
		if seg[i] < '0' || seg[i] > '9' {
			return false
		}
	}
	return true
}

func (p *path) segments() []string { return p.buf[:p.n] }

// major returns the major parameter with the name of what it is, such as "channels/123"; "" if there is none.
//
// https://discord.com/developers/docs/topics/rate-limits calls them top-level resources: channels, guilds and webhooks.
// The token of a webhook is one, too, but as a credential it makes the owner of the buckets. An interaction is like a
// webhook.
func (p *path) major() string {
	if !p.hasMajor() {
		return ""
	}
	if id := p.reply(); id != "" {
		return "interactions/" + id
	}
	what, id := p.buf[0], p.buf[1]
	if len(p.both) == len(what)+len("/")+len(id) {
		return p.both // takes no memory
	}
	return what + "/" + id
}

func (p *path) hasMajor() bool {
	if !p.id {
		return false
	}
	switch p.buf[0] {
	case "channels", "webhooks", "interactions":
		return true
	case "guilds":
		return p.buf[1] != "templates"
	}
	return false
}

// token returns the credential in the path, that of a webhook or an interaction; "" if there is none.
func (p *path) token() string {
	if p.n < 3 || p.buf[0] != "webhooks" && p.buf[0] != "interactions" {
		return ""
	}
	return p.buf[2]
}

// reply returns the id of the interaction that is answered as by a webhook, after its first answer, as its token tells it;
// "" if none is, or it cannot be read. The token is base64 of "interaction:", the id, and what is secret after a colon.
func (p *path) reply() string {
	rest, ok := strings.CutPrefix(p.token(), interactionToken)
	if !ok || !p.webhook() || !p.id {
		return ""
	}
	rest = rest[:min(len(rest), maxEncodedID)&^3]
	var buf [maxEncodedID]byte
	n, err := base64.StdEncoding.Decode(buf[:], []byte(rest))
	if err != nil {
		return ""
	}
	id, _, ok := bytes.Cut(buf[:n], []byte(":"))
	if !ok || len(id) == 0 {
		return ""
	}
	for _, c := range id {
		if c < '0' || '9' < c {
			return ""
		}
	}
	return string(id)
}

// maxEncodedID is how much of a token is looked at: a snowflake has at most 20 digits, and a colon follows.
const maxEncodedID = 28

// webhook says whether the path begins with a webhook, or with what passes for one after an interaction.
func (p *path) webhook() bool { return p.n > 1 && p.buf[0] == "webhooks" }

// interaction says whether the request answers an interaction, at once or later.
func (p *path) interaction() bool {
	return p.n > 0 && p.buf[0] == "interactions" || strings.HasPrefix(p.token(), interactionToken)
}

// route returns the names of the path's template, or nil if no template matches.
func (p *path) route() *route {
	if p.cut || p.n > 1 && !p.id {
		return nil
	}
	return root.match(p.segments())
}

// shape names a path that no template matches. IDs and what may be secret are left out of it, but for the major
// parameter, and its length is bounded.
func (p *path) shape() string {
	if p.n == 0 {
		return "/"
	}
	var b strings.Builder
	for i, seg := range p.segments() {
		keep := isWord(seg) && (i != 2 || p.token() == "") || i == 1 && p.hasMajor()
		if !keep {
			seg = "{}"
		}
		b.WriteByte('/')
		b.WriteString(seg)
	}
	if p.cut {
		b.WriteString("/...")
	}
	return b.String()
}

// isName says whether a segment may stand in a key.
func isName(seg string) bool {
	if len(seg) > maxName {
		return false
	}
	for i := range len(seg) {
		if !inNames[seg[i]] {
			return false
		}
	}
	return true
}

// inNames are the bytes that names are made of.
var inNames = setOf("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@")

func setOf(bytes string) (in [256]bool) {
	for _, c := range []byte(bytes) {
		in[c] = true
	}
	return in
}

// isWord says whether a segment looks like a word, rather than like an ID or a code.
func isWord(seg string) bool { return isName(seg) && !strings.ContainsAny(seg, "0123456789") }
