package slack

import (
	"context"
	"net/http"
	"strings"

	"github.com/underlimit/underlimit/internal/digest"
)

type installKey struct{}

// WithInstall returns a context whose requests are those of one installation: an app in a workspace, which Slack counts
// together, whatever tokens or webhooks it uses. The id is any name for it, such as "A024BE7LH/T061EG9R6"; all of it
// counts, so that for an app installed in a whole organization it names the workspace, too. It is stronger than
// [Options.Install]. For the SCIM and Audit Logs APIs, whose limits are those of an organization, it names that.
func WithInstall(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, installKey{}, id)
}

// toldInstall returns what the user says of whose request it is; "" if nothing.
func (p *Provider) toldInstall(req *http.Request) string {
	if id, _ := req.Context().Value(installKey{}).(string); id != "" {
		return id
	}
	if p.install != nil {
		return p.install(req)
	}
	return ""
}

// A realm is where tokens and ids mean something. GovSlack is one of its own.
type realm struct {
	tokens   *digest.Digester // of credentials
	installs *digest.Digester // of what users call their installations
	learned  *digest.Digester // of what answers call them
	teams    *digest.Digester // of workspaces
	orgs     *digest.Digester // of the organization that an owner belongs to
}

func newRealm(secret, name string) *realm {
	return &realm{
		tokens:   digest.New(secret, name),
		installs: digest.New(secret, name+" install"),
		learned:  digest.New(secret, name+" learned"),
		teams:    digest.New(secret, name+" team"),
		orgs:     digest.New(secret, name+" org"),
	}
}

// maxCredential is longer than any credential. What is longer is nonsense and told apart by its beginning, so that it
// does not fill the memory.
const maxCredential = 1 << 10

func bounded(credential string) string {
	if len(credential) > maxCredential {
		return strings.Clone(credential[:maxCredential])
	}
	return credential
}

// owner returns the name of whose limits a request is under. A told installation is that of its workspace.
func (r *realm) owner(told string, a *args) string {
	if told != "" {
		return r.installs.Of(bounded(told))
	}
	owner := r.tokens.Of(bounded(a.credential()))
	if validID(a.team) && owner != "" {
		return r.inTeam(owner, a.team)
	}
	return owner
}

// inTeam returns the name of a part of an owner, one of the workspaces that a token is good for: one for a whole
// organization says by an argument which it means. The other tokens of its installation have the same parts.
// https://docs.slack.dev/enterprise/developing-for-enterprise-orgs
func (r *realm) inTeam(owner, team string) string { return owner + "/" + r.teams.Of(team) }

// maxID is longer than any ID.
const maxID = 32

// validID says whether s can be the ID of a workspace, an organization, an app, a bot, or a user.
func validID(s string) bool {
	if len(s) < 2 || len(s) > maxID || s[0] < 'A' || s[0] > 'Z' {
		return false
	}
	for _, c := range []byte(s) {
		if !('A' <= c && c <= 'Z' || '0' <= c && c <= '9') {
			return false
		}
	}
	return true
}
