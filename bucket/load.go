package bucket

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// Load takes in what Save wrote, best before the first request. It reads and checks all of it first: after an error
// the registry is as before, and may be used from cold. The error is ErrCorrupt for anything that Save did not write,
// and ErrNewerFormat for what a later version of this package wrote, either wrapped with the reason; or that of rd.
//
// What is loaded adds to what the registry knows: the later end of a block holds, debts to the same policy add up, and
// what answers have told of a kind since stays. Blocks are cut short at Options.MaxBlock from now. Of more buckets than
// Options.MaxKeys, those soonest free of what they hold are left out. What is owed to a policy counts only if draws
// come with the same policy.
//
// Waits end at the wall-clock times that they would have ended at. If the clock was set back between, so that it shows
// less than when the state was saved, they last as long as they would have lasted then, and never longer; if it was set
// forward, they end that much too soon. How long requests are on the way has to be learned anew, so that a quota and a
// pace are kept for up to a round trip longer than without the restart.
//
// Requests may be under way: it takes in a few buckets at a time.
func (r *Registry) Load(rd io.Reader) error {
	in, err := readSaved(rd)
	if err != nil {
		return err
	}
	r.restore(in)
	return nil
}

// LoadFile is Load from a file. If there is none, which is how a program finds things at its first start, the error is
// fs.ErrNotExist, wrapped.
func (r *Registry) LoadFile(path string) error {
	f, err := os.Open(path) //nolint:gosec // the caller says which file
	if err != nil {
		return fmt.Errorf("bucket: loading a registry: %w", err)
	}
	defer f.Close()
	if err := r.Load(f); err != nil {
		return fmt.Errorf("%w, in %s", err, path)
	}
	return nil
}

// saved is what was read of a saved registry.
type saved struct {
	at      time.Time
	owners  []savedOwner
	kinds   []savedKind
	buckets []savedBucket
}

// readSaved reads a saved registry.
func readSaved(rd io.Reader) (*saved, error) {
	lines := bufio.NewScanner(rd)
	lines.Buffer(nil, longestLine+1)
	lines.Split(wholeLines)
	sum := sha256.New()
	in, places := &saved{}, map[savedKey]int{}
	for n := 1; lines.Scan(); n++ {
		line := lines.Bytes()
		if n == 1 {
			var err error
			if in.at, err = readHeader(line); err != nil {
				return nil, err
			}
			sum.Write(line)
			continue
		}
		var l savedLine
		if err := json.Unmarshal(line, &l); err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", ErrCorrupt, n, err)
		}
		switch {
		case l.Owner != nil:
			in.owners = append(in.owners, *l.Owner)
		case l.Kind != nil:
			in.kinds = append(in.kinds, *l.Kind)
		case l.Bucket != nil:
			if at, ok := places[l.Bucket.savedKey]; ok { // it was moved while Save looked, and looked at twice
				in.buckets[at] = *l.Bucket
				break
			}
			places[l.Bucket.savedKey] = len(in.buckets)
			in.buckets = append(in.buckets, *l.Bucket)
		case l.End != nil:
			if !bytes.Equal(line, savedLast(sum)) {
				return nil, fmt.Errorf("%w: the checksum does not match", ErrCorrupt)
			}
			if lines.Scan() || lines.Err() != nil {
				return nil, fmt.Errorf("%w: it goes on after its end", ErrCorrupt)
			}
			return in, nil
		}
		sum.Write(line)
	}
	switch err := lines.Err(); {
	case err == nil, errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("%w: it has no end", ErrCorrupt)
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	default:
		return nil, fmt.Errorf("bucket: loading a registry: %w", err)
	}
}

// wholeLines splits into lines with their line feeds.
func wholeLines(data []byte, atEOF bool) (advance int, line []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i+1], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return 0, nil, nil
}

func readHeader(line []byte) (time.Time, error) {
	var h savedHeader
	err := json.Unmarshal(line, &h)
	switch {
	case h.Format == savedFormat && h.Version > savedVersion:
		return time.Time{}, fmt.Errorf("%w: version %d, and this program reads %d", ErrNewerFormat, h.Version, savedVersion)
	case err != nil:
		return time.Time{}, fmt.Errorf("%w: line 1: %w", ErrCorrupt, err)
	case h.Format != savedFormat || h.Version != savedVersion:
		return time.Time{}, fmt.Errorf("%w: it does not begin as one", ErrCorrupt)
	}
	return h.Saved, nil
}

// A loader is the work of taking in what was read. Its methods require that the registry's mu is held.
type loader struct {
	r    *Registry
	now  instant
	at   instant   // when it began
	wall time.Time // the same moment; or, if that is later, when the registry was saved

	policies map[Policy]*Policy // one of each
	aliased  map[savedKey]bool  // kinds and buckets with a counter that is not their own
}

// loadChunk is how many buckets or kinds Load takes in before it lets requests in between.
const loadChunk = 256

// restore takes in what was read.
func (r *Registry) restore(in *saved) {
	slices.SortStableFunc(in.buckets, func(a, b savedBucket) int { return b.free().Compare(a.free()) })
	in.buckets = in.buckets[:min(len(in.buckets), r.maxKeys)]
	l := loader{r: r, policies: map[Policy]*Policy{}, aliased: map[savedKey]bool{}}
	for i := range in.kinds {
		if k := &in.kinds[i]; k.Alias != "" {
			l.aliased[k.savedKey] = true
		}
	}
	for i := range in.buckets {
		if b := &in.buckets[i]; b.Counter != nil {
			l.aliased[b.savedKey] = true
		}
	}

	r.mu.Lock()
	defer r.mu.Unlock()
	l.now = r.now()
	l.at, l.wall = l.now, time.Now().Round(0)
	if in.at.After(l.wall) {
		l.wall = in.at
	}
	joins := map[owner]bool{}
	// Wholes first: that a part is all of one is said of what the whole is by now.
	slices.SortStableFunc(in.owners, func(a, b savedOwner) int {
		return strings.Count(a.Name, "/") - strings.Count(b.Name, "/")
	})
	for _, o := range in.owners {
		if from, ok := r.join(SameOwner{Provider: o.Provider, Owner: o.Name, As: o.As}); ok {
			joins[from] = true
		}
	}
	r.fold(joins, l.now)
	for i := range in.kinds {
		l.pause(i)
		l.kind(&in.kinds[i])
	}
	for i := range in.buckets {
		l.pause(i)
		l.bucket(&in.buckets[i])
	}
}

// pause lets requests in between, if so many were taken in.
func (l *loader) pause(done int) {
	if done%loadChunk == 0 {
		l.r.mu.Unlock()
		l.r.mu.Lock()
		l.now = l.r.now()
	}
}

// instant is when a time on the wall clock comes.
func (l *loader) instant(t time.Time) instant { return l.at.add(t.Sub(l.wall)) }

func (l *loader) kind(in *savedKind) {
	r := l.r
	key := r.resolve(Key(in.savedKey))
	key.Subject = ""
	if r.kinds[key] == nil && len(r.kinds) >= r.mostKinds() {
		return
	}
	k := r.kind(key)
	k.split = k.split || in.Split
	if to := key; k.alias == "" && !k.split && in.Alias != key.Limit {
		// No chains of counters, however long a file would have them.
		to.Limit = in.Alias
		if other := r.kinds[to]; !l.aliased[savedKey(to)] && (other == nil || other.alias == "") {
			k.alias = strings.Clone(in.Alias)
		}
	}
	if until := min(l.instant(in.Until), l.at.add(r.maxBlock)); k.strict == nil && in.Strict.sound() && until > l.now {
		k.strict = &strictness{(*Policy)(in.Strict), until}
	}
	l.hidden(k, in.Hidden)
	if k.limit > 0 || in.Holds <= 0 {
		return // what answers told since is newer
	}
	k.limit = min(in.Holds, maxLimit)
	k.long = min(max(in.Long, 0), r.maxBlock)
	k.latest = k.long
	k.fixed = in.Fixed
	if 0 <= in.Least && in.Least <= in.Most && 0 < in.Most && in.Most <= r.maxBlock {
		k.votes, k.period = min(in.Votes, enoughVotes), span{in.Least, in.Most}
		k.witness.limit = k.limit // of which the period is
	}
	k.unsure = l.now.add(k.long).add(k.long) // who was killed may have sent until just now, whenever it saved
}

func (l *loader) bucket(in *savedBucket) {
	r := l.r
	var blocked instant
	if !in.Until.IsZero() {
		blocked = min(l.instant(in.Until), l.at.add(r.maxBlock))
	}
	p, d := l.debt(in)
	if blocked <= l.now && d == nil && in.Counter == nil {
		return
	}
	key := Key(in.savedKey)
	s := r.state(&key, l.now)
	s.refs++ // so that making another does not evict it
	switch {
	case in.Counter == nil:
	case in.Same:
		r.unite(key, Key(*in.Counter), l.now)
		s.refs--
		s = s.heir()
		s.refs++
	default:
		l.alias(s, Key(*in.Counter))
	}
	if blocked > max(s.blocked, l.now) {
		s.blocked, s.refusals = blocked, max(s.refusals, min(in.Refusals, maxRefusals))
		if s.window.phase != known && s.probe == probeNone {
			s.probe = probeDue
		}
		r.expire(s, l.now)
	}
	if d != nil && s.policy == nil {
		s.policy, s.lent = p, true
	}
	if d != nil && *s.policy == *p {
		s.owe(d)
	}
	s.refs--
	r.serve(s, l.now)
}

// alias has another bucket count the requests on s, as an answer of the time before said.
func (l *loader) alias(s *state, to Key) {
	r := l.r
	if s.counted() || l.aliased[savedKey(to)] || r.kind(r.resolve(to)).split {
		return
	}
	if c := r.state(&to, l.now); !c.passes(s) {
		r.merge(s, c, 0, l.now)
		r.readmit(s.below(nil), l.now)
	}
}

// longestPolicy bounds the times of policies: with those beyond it, one could not reckon.
const longestPolicy = math.MaxInt64 / 8

// sound says whether there is a policy with which one can reckon.
func (p *savedPolicy) sound() bool {
	return p != nil && p.Window <= longestPolicy && p.Every <= longestPolicy
}

// debt returns what is still owed, and to which policy; nil if nothing is.
func (l *loader) debt(in *savedBucket) (*Policy, *debt) {
	if !in.Policy.sound() {
		return nil, nil
	}
	p := l.policies[Policy(*in.Policy)]
	if p == nil {
		p = (*Policy)(in.Policy)
		l.policies[*p] = p
	}
	d := &debt{}
	if p.Quota > 0 && p.Window > 0 {
		var answers []instant
		for _, t := range in.Answers {
			// One that was yet to come was due, and may be as late as one that comes may.
			if at := min(l.instant(t), l.at.add(p.Window/2)); at > l.now.add(-p.Window) {
				answers = append(answers, at)
			}
		}
		slices.Sort(answers)
		d.answers.merge(answers[max(len(answers)-p.Quota, 0):])
	}
	if p.Every > 0 {
		d.resume(p, l.now, l.instant(in.Burst), l.instant(in.Next))
	}
	if d.answers.len() == 0 && (d.pace == nil || d.paceReady(p, l.now, p.burst(), 0) <= l.now) {
		return nil, nil
	}
	if p.Charged {
		d.guard = guardFrom(in.Shut, l.now)
	}
	return p, d
}

// resume gives a debt a pace that has its whole burst, and a unit, at certain moments.
func (d *debt) resume(p *Policy, now, burst, next instant) {
	d.pace = rate.NewLimiter(rate.Every(p.Every), p.burst())
	d.full, d.back = now, max(burst, now)
	if missing := time.Duration(burst - now); burst > now {
		// The whole burst was there so long before as whole units take.
		n := int((missing-1)/p.Every) + 1
		if n > p.burst() {
			n, missing = p.burst(), time.Duration(p.burst())*p.Every
		}
		d.full = now.add(missing - time.Duration(n)*p.Every)
		d.pace.AllowN(d.full.clock(), n)
	}
	d.last = d.full
	if next > now {
		d.due = min(next, now.add(p.Every+p.Every/2))
	}
}
