package bucket

import "strings"

// A Key names a bucket: the state of one limit for one subject.
//
// Limit has few values and may serve as a metric label. Owner and Subject have many and never may. No field holds a
// credential: adapters put digests there.
type Key struct {
	// Provider is the API: "slack", "discord".
	Provider string
	// Limit is the rule: "chat.postMessage", "POST /channels/{channel}/messages".
	Limit string
	// Owner is whose limit it is: the digest of a credential. Buckets of one provider, limit and owner are of one
	// kind: what is learned of one seeds the others. What follows a slash names a part of an owner whose limits are
	// apart, such as one workspace of an organization.
	Owner string
	// Subject is what the limit applies to, such as a channel; empty for a limit on the owner as a whole.
	Subject string
}

// shownOwner is how much of the digest of an owner, or of its part, a Key shows: enough to tell two apart by eye.
const shownOwner = 8

// String shows the key for people, the owner cut short: "slack chat.postMessage [1f2e3d4c C123]".
func (k Key) String() string {
	owner, part, isPart := strings.Cut(k.Owner, "/")
	owner = owner[:min(len(owner), shownOwner)]
	if isPart {
		owner += "/" + part[:min(len(part), shownOwner)]
	}
	s := k.Provider + " " + k.Limit
	switch {
	case owner != "" && k.Subject != "":
		return s + " [" + owner + " " + k.Subject + "]"
	case owner != "" || k.Subject != "":
		return s + " [" + owner + k.Subject + "]"
	}
	return s
}

// clone returns a key of its own memory: those of requests are often cut from much longer strings.
func (k Key) clone() Key {
	return Key{
		Provider: strings.Clone(k.Provider),
		Limit:    strings.Clone(k.Limit),
		Owner:    strings.Clone(k.Owner),
		Subject:  strings.Clone(k.Subject),
	}
}
