package headers

import (
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// mostWindows is how many windows of an API that nothing describes are buckets of their own. Of further ones, only an
// empty one holds requests back.
const mostWindows = 3

// A place is what a host is to a provider.
type place struct {
	at      address
	api     *api
	subject string     // the host, where the API has many of them
	names   [][]string // the Limits of the windows' keys, by scope
	limits  []group    // what is documented of it
}

// places remembers what hosts are, as a digest.Digester does the names of credentials: it is quicker than to find out.
type places struct {
	recent [64]atomic.Pointer[place] // of those known, some that were asked for of late: most programs have few

	mu    sync.Mutex // guards known
	known map[address]*place
}

// An address is the part of a URL on which a place depends.
type address struct{ scheme, host string }

const (
	// maxPlaces and maxAddress bound the memory of a provider that is asked about hosts without end.
	maxPlaces  = 4096
	maxAddress = maxHost + len(".:65535")
)

// place returns what the host of a URL is, nil if it has none that speaks HTTP.
func (p *Provider) place(u *url.URL) *place {
	at := address{u.Scheme, u.Host}
	recent := &p.places.recent[at.slot()]
	pl := recent.Load()
	if pl == nil || pl.at != at {
		if pl = p.known(at, u); pl != nil && len(at.host) <= maxAddress {
			recent.Store(pl)
		}
	}
	return pl
}

// slot is where in places.recent an address stands.
func (at address) slot() int {
	n := len(at.host)
	if n == 0 {
		return 0
	}
	return (n + 7*int(at.host[0]) + 31*int(at.host[n/2])) % len(places{}.recent)
}

// known returns the place at an address, found out if it is not remembered.
func (p *Provider) known(at address, u *url.URL) *place {
	p.places.mu.Lock()
	defer p.places.mu.Unlock()
	if pl := p.places.known[at]; pl != nil {
		return pl
	}
	host, ok := hostOf(u)
	if !ok {
		return nil
	}
	pl := p.find(host)
	pl.at = address{strings.Clone(at.scheme), strings.Clone(at.host)}
	if len(at.host) > maxAddress {
		return pl
	}
	if p.places.known == nil || len(p.places.known) >= maxPlaces {
		p.places.known = map[address]*place{}
	}
	p.places.known[pl.at] = pl
	return pl
}

// find works out what a host is.
func (p *Provider) find(host string) *place {
	shown, digest := host, ""
	if !presentable(host) {
		shown, digest = other, p.digest.Of(host)
	}
	apart := shown // names the host where many have the same keys
	if digest != "" {
		apart = digest
	}
	pl := &place{}
	for _, a := range p.apis {
		if many, ok := a.hosts.match(host); ok {
			pl.api, pl.names = a, a.names
			if many {
				pl.subject = apart
			}
			break
		}
	}
	if pl.api == nil {
		pl.api, pl.subject, pl.names = p.plain, digest, [][]string{numbered(shown)}
	}
	for _, limits := range [][]limit{pl.api.limits, p.limits} {
		for i := range limits {
			l := limits[i]
			if many, ok := l.hosts.match(host); !ok {
				continue
			} else if many {
				l.subject = apart
			}
			pl.add(l)
		}
	}
	return pl
}

// add adds a limit to the group of its name.
func (pl *place) add(l limit) {
	for i := range pl.limits {
		if pl.limits[i].name == l.name {
			pl.limits[i].limits = append(pl.limits[i].limits, l)
			return
		}
	}
	pl.limits = append(pl.limits, group{l.name, []limit{l}})
}

// numbered returns the names of the windows of something that nothing describes.
func numbered(what string) []string {
	names := []string{what}
	for i := 2; i <= mostWindows; i++ {
		names = append(names, what+" "+strconv.Itoa(i))
	}
	return names
}

// hosts are patterns of the names of hosts; none match every host.
type hosts []string

// match says whether a host is meant, and whether many are by the same pattern.
func (h hosts) match(host string) (many, ok bool) {
	for _, pattern := range h {
		before, after, star := strings.Cut(pattern, "*")
		switch {
		case !star && pattern == host:
			return false, true
		case star && len(host) > len(before)+len(after) &&
			strings.HasPrefix(host, before) && strings.HasSuffix(host, after):
			return true, true
		}
	}
	return true, len(h) == 0
}
