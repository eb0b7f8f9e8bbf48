package digest_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/underlimit/underlimit/internal/digest"
)

func TestADigestIsTheSameInEveryProcess(t *testing.T) {
	// printf 'pepper\0slack\0xoxb-1' | sha256sum | head -c 32
	const want = "43af7d9dd94090b3123655777677d65c"
	if got := digest.New("pepper", "slack").Of("xoxb-1"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestADigestShowsNothingOfTheCredential(t *testing.T) {
	name := digest.New("", "slack").Of("xoxb-1")
	if len(name) != 32 || strings.Trim(name, "0123456789abcdef") != "" {
		t.Errorf("got %q, want 128 bits in hexadecimal", name)
	}
}

func TestTheEmptyCredentialHasTheEmptyName(t *testing.T) {
	if got := digest.New("pepper", "slack").Of(""); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestDigestsDifferBySecretProviderAndCredential(t *testing.T) {
	seen := map[string]string{}
	for _, secret := range []string{"", "pepper", "pepper\x00"} {
		for _, provider := range []string{"slack", "discord"} {
			for _, credential := range []string{"a", "b", "A", "a "} {
				from := fmt.Sprintf("%q %q %q", secret, provider, credential)
				name := digest.New(secret, provider).Of(credential)
				if other, ok := seen[name]; ok {
					t.Errorf("%s and %s share a name", from, other)
				}
				seen[name] = from
			}
		}
	}
}

func TestADigestOutlivesTheCache(t *testing.T) {
	d := digest.New("", "discord")
	want := d.Of("interaction 0")
	for i := range 10_000 { // more than are cached
		d.Of(fmt.Sprint("interaction ", i))
	}
	if got := d.Of("interaction 0"); got != want {
		t.Errorf("got %q, before it was %q", got, want)
	}
}

func TestADigesterIsSharedByGoroutines(t *testing.T) {
	d := digest.New("", "slack")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 100 {
				if c := fmt.Sprint(i % 7); d.Of(c) != digest.New("", "slack").Of(c) {
					t.Errorf("another name for %q", c)
				}
			}
		})
	}
	wg.Wait()
}

func TestACachedDigestAllocatesNothing(t *testing.T) {
	d := digest.New("", "slack")
	d.Of("xoxb-1")
	if n := testing.AllocsPerRun(100, func() { d.Of("xoxb-1") }); n != 0 {
		t.Errorf("it allocates %v times", n)
	}
}
