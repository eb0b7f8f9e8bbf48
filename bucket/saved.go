package bucket

import "time"

// A saved registry is lines of JSON: a header, a line for each owner, kind and bucket, and an end with a checksum.
// Fields and lines that a reader does not know are skipped, so that a version can grow; what a reader must not skip
// takes a new version.
const (
	savedFormat  = "underlimit registry"
	savedVersion = 1

	// longestLine bounds what a reader holds of a line, and mostAnswers what a bucket puts into its.
	longestLine = 8 << 20
	mostAnswers = 100_000
)

// A savedHeader is the first line.
type savedHeader struct {
	Format  string    `json:"format"`
	Version int       `json:"version"`
	Saved   time.Time `json:"saved"`
}

// A savedLine is any line but the first; one of its fields is set.
type savedLine struct {
	Owner  *savedOwner  `json:"owner,omitempty"`
	Kind   *savedKind   `json:"kind,omitempty"`
	Bucket *savedBucket `json:"bucket,omitempty"`
	End    *savedEnd    `json:"end,omitempty"`
}

// A savedEnd is the last line.
type savedEnd struct {
	SHA256 string `json:"sha256"` // of all lines before, in hexadecimal
}

// A savedOwner says that an owner's limits are another's.
type savedOwner struct {
	Provider string `json:"provider"`
	Name     string `json:"name"`
	As       string `json:"as"`
}

// A savedKey is a Key.
type savedKey struct {
	Provider string `json:"provider"`
	Limit    string `json:"limit"`
	Owner    string `json:"owner,omitempty"`
	Subject  string `json:"subject,omitempty"`
}

// A savedKind is what answers have told of a kind.
type savedKind struct {
	savedKey

	Holds int32         `json:"holds,omitempty"` // what a whole window does
	Long  time.Duration `json:"long_ns,omitempty"`
	Votes uint8         `json:"votes,omitempty"`
	Fixed bool          `json:"fixed,omitempty"`
	Least time.Duration `json:"least_period_ns,omitempty"`
	Most  time.Duration `json:"most_period_ns,omitempty"`
	Alias string        `json:"alias,omitempty"`
	Split bool          `json:"split,omitempty"`

	Strict *savedPolicy `json:"strict,omitempty"` // in place of what is documented
	Until  time.Time    `json:"until,omitzero"`   // so long

	Hidden *savedHidden `json:"hidden,omitempty"`
}

// A savedHidden is what refusals have taught of a limit of which only they tell.
type savedHidden struct {
	Policy *savedPolicy  `json:"policy"`
	Until  time.Time     `json:"until"` // it is believed
	Term   time.Duration `json:"term_ns,omitempty"`
}

// A savedBucket is what a bucket holds. Its times are the wall clock's: the monotonic one means nothing to another
// process.
type savedBucket struct {
	savedKey

	Until    time.Time `json:"until,omitzero"` // of the block
	Refusals uint8     `json:"refusals,omitempty"`
	Counter  *savedKey `json:"counter,omitempty"` // nil: that of its kind
	Same     bool      `json:"same,omitempty"`    // the counter's key is but another name

	// What is owed to the policy: answers to the quota's units, when the pace has its whole burst, and when it has a unit;
	// and whether the quota is shut.
	Policy  *savedPolicy `json:"policy,omitempty"`
	Answers []time.Time  `json:"answers,omitempty"`
	Burst   time.Time    `json:"burst,omitzero"`
	Next    time.Time    `json:"next,omitzero"`
	Shut    uint8        `json:"shut,omitempty"` // that of what goes wrong, and how often it stayed so, and once more
}

// A savedPolicy is a Policy.
type savedPolicy struct {
	Quota      int           `json:"quota,omitempty"`
	Window     time.Duration `json:"window_ns,omitempty"`
	Charged    bool          `json:"charged,omitempty"`
	Every      time.Duration `json:"every_ns,omitempty"`
	Burst      int           `json:"burst,omitempty"`
	Concurrent int           `json:"concurrent,omitempty"`
	Hidden     bool          `json:"hidden,omitempty"`
	Probe      bool          `json:"probe,omitempty"`
	Reserve    float64       `json:"reserve,omitempty"`
	Spread     time.Duration `json:"spread_ns,omitempty"`
}

// free is when a bucket holds nothing any more.
func (b *savedBucket) free() time.Time {
	latest := b.Until
	for _, t := range [...]time.Time{b.Burst, b.Next} {
		if t.After(latest) {
			latest = t
		}
	}
	if n := len(b.Answers); n > 0 && b.Policy != nil {
		if t := b.Answers[n-1].Add(b.Policy.Window); t.After(latest) {
			latest = t
		}
	}
	return latest
}
