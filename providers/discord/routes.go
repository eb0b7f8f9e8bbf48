package discord

import "net/http"

// message is the one route whose DELETE has a bucket of its own by the old rule:
// https://discord.com/developers/docs/topics/rate-limits
const message = "/channels/{channel}/messages/{message}"

// callback is the answer to an interaction, which is due within three seconds:
// https://discord.com/developers/docs/interactions/receiving-and-responding#create-interaction-response
const (
	callback    = "/interactions/{interaction}/{token}/callback"
	firstAnswer = http.MethodPost + " " + callback
)

// templates are the paths of the REST API, each group with the page that documents it. A segment in braces stands for
// any; a route that names a segment, such as @me, goes before one that does not. Only the first parameter after
// /channels, /guilds and /webhooks is a major one, whatever its name.
var templates = []string{
	// https://discord.com/developers/docs/resources/application
	"/applications/@me",
	"/applications/{application}",
	"/applications/{application}/activity-instances/{instance}",

	// https://discord.com/developers/docs/resources/application-role-connection-metadata
	"/applications/{application}/role-connections/metadata",

	// https://discord.com/developers/docs/interactions/application-commands
	"/applications/{application}/commands",
	"/applications/{application}/commands/{command}",
	"/applications/{application}/guilds/{guild}/commands",
	"/applications/{application}/guilds/{guild}/commands/permissions",
	"/applications/{application}/guilds/{guild}/commands/{command}",
	"/applications/{application}/guilds/{guild}/commands/{command}/permissions",

	// https://discord.com/developers/docs/resources/emoji
	"/applications/{application}/emojis",
	"/applications/{application}/emojis/{emoji}",
	"/guilds/{guild}/emojis",
	"/guilds/{guild}/emojis/{emoji}",

	// https://discord.com/developers/docs/resources/entitlement
	"/applications/{application}/entitlements",
	"/applications/{application}/entitlements/{entitlement}",
	"/applications/{application}/entitlements/{entitlement}/consume",

	// https://discord.com/developers/docs/resources/sku
	"/applications/{application}/skus",

	// https://discord.com/developers/docs/resources/subscription
	"/skus/{sku}/subscriptions",
	"/skus/{sku}/subscriptions/{subscription}",

	// https://discord.com/developers/docs/resources/channel
	"/channels/{channel}",
	"/channels/{channel}/followers",
	"/channels/{channel}/invites",
	"/channels/{channel}/permissions/{overwrite}",
	"/channels/{channel}/recipients/{user}",
	"/channels/{channel}/thread-members",
	"/channels/{channel}/thread-members/@me",
	"/channels/{channel}/thread-members/{user}",
	"/channels/{channel}/threads",
	"/channels/{channel}/threads/archived/private",
	"/channels/{channel}/threads/archived/public",
	"/channels/{channel}/typing",
	"/channels/{channel}/users/@me/threads/archived/private",
	"/channels/{channel}/voice-status",

	// https://discord.com/developers/docs/resources/message
	"/channels/{channel}/messages",
	"/channels/{channel}/messages/bulk-delete",
	"/channels/{channel}/messages/pins",
	"/channels/{channel}/messages/pins/{message}",
	message,
	"/channels/{channel}/messages/{message}/crosspost",
	"/channels/{channel}/messages/{message}/reactions",
	"/channels/{channel}/messages/{message}/reactions/{emoji}",
	"/channels/{channel}/messages/{message}/reactions/{emoji}/@me",
	"/channels/{channel}/messages/{message}/reactions/{emoji}/{user}",
	"/channels/{channel}/messages/{message}/threads",
	"/channels/{channel}/pins",
	"/channels/{channel}/pins/{message}",

	// https://discord.com/developers/docs/resources/poll
	"/channels/{channel}/polls/{message}/answers/{answer}",
	"/channels/{channel}/polls/{message}/expire",

	// https://discord.com/developers/docs/resources/soundboard
	"/channels/{channel}/send-soundboard-sound",
	"/guilds/{guild}/soundboard-sounds",
	"/guilds/{guild}/soundboard-sounds/{sound}",
	"/soundboard-default-sounds",

	// https://discord.com/developers/docs/events/gateway
	"/gateway",
	"/gateway/bot",

	// https://discord.com/developers/docs/resources/guild
	"/guilds",
	"/guilds/{guild}",
	"/guilds/{guild}/bans",
	"/guilds/{guild}/bans/{user}",
	"/guilds/{guild}/bulk-ban",
	"/guilds/{guild}/channels",
	"/guilds/{guild}/incident-actions",
	"/guilds/{guild}/integrations",
	"/guilds/{guild}/integrations/{integration}",
	"/guilds/{guild}/invites",
	"/guilds/{guild}/members",
	"/guilds/{guild}/members/@me",
	"/guilds/{guild}/members/@me/nick",
	"/guilds/{guild}/members/search",
	"/guilds/{guild}/members/{user}",
	"/guilds/{guild}/members/{user}/roles/{role}",
	"/guilds/{guild}/messages/search",
	"/guilds/{guild}/mfa",
	"/guilds/{guild}/onboarding",
	"/guilds/{guild}/preview",
	"/guilds/{guild}/prune",
	"/guilds/{guild}/regions",
	"/guilds/{guild}/roles",
	"/guilds/{guild}/roles/member-counts",
	"/guilds/{guild}/roles/{role}",
	"/guilds/{guild}/threads/active",
	"/guilds/{guild}/vanity-url",
	"/guilds/{guild}/welcome-screen",
	"/guilds/{guild}/widget",
	"/guilds/{guild}/widget.json",
	"/guilds/{guild}/widget.png",

	// https://discord.com/developers/docs/resources/audit-log
	"/guilds/{guild}/audit-logs",

	// https://discord.com/developers/docs/resources/auto-moderation
	"/guilds/{guild}/auto-moderation/rules",
	"/guilds/{guild}/auto-moderation/rules/{rule}",

	// https://discord.com/developers/docs/resources/guild-scheduled-event
	"/guilds/{guild}/scheduled-events",
	"/guilds/{guild}/scheduled-events/{event}",
	"/guilds/{guild}/scheduled-events/{event}/users",

	// https://discord.com/developers/docs/resources/guild-template
	"/guilds/templates/{code}",
	"/guilds/{guild}/templates",
	"/guilds/{guild}/templates/{code}",

	// https://discord.com/developers/docs/interactions/receiving-and-responding
	callback,

	// https://discord.com/developers/docs/resources/invite
	"/invites/{code}",
	"/invites/{code}/target-users",
	"/invites/{code}/target-users/job-status",

	// https://discord.com/developers/docs/resources/lobby
	"/lobbies",
	"/lobbies/{lobby}",
	"/lobbies/{lobby}/channel-linking",
	"/lobbies/{lobby}/members/@me",
	"/lobbies/{lobby}/members/@me/invites",
	"/lobbies/{lobby}/members/bulk",
	"/lobbies/{lobby}/members/{user}",
	"/lobbies/{lobby}/members/{user}/invites",
	"/lobbies/{lobby}/messages",
	"/lobbies/{lobby}/messages/{message}/moderation-metadata",

	// https://github.com/discord/discord-api-spec, which has a few that no page has
	"/applications/{application}/attachment",
	"/channels/{channel}/threads/search",
	"/guilds/{guild}/new-member-welcome",
	"/users/@me/applications/{application}/entitlements",

	// https://discord.com/developers/docs/topics/oauth2
	"/oauth2/@me",
	"/oauth2/applications/@me",
	"/oauth2/authorize",
	"/oauth2/keys",
	"/oauth2/token",
	"/oauth2/token/revoke",
	"/oauth2/userinfo",

	// https://discord.com/developers/docs/discord-social-sdk/development-guides/using-provisional-accounts
	"/partner-sdk/provisional-accounts/unmerge",
	"/partner-sdk/provisional-accounts/unmerge/bot",
	"/partner-sdk/token",
	"/partner-sdk/token/bot",

	// https://discord.com/developers/docs/resources/stage-instance
	"/stage-instances",
	"/stage-instances/{channel}",

	// https://discord.com/developers/docs/resources/sticker
	"/guilds/{guild}/stickers",
	"/guilds/{guild}/stickers/{sticker}",
	"/sticker-packs",
	"/sticker-packs/{pack}",
	"/stickers/{sticker}",

	// https://discord.com/developers/docs/resources/user
	"/users/@me",
	"/users/@me/applications/{application}/role-connection",
	"/users/@me/channels",
	"/users/@me/connections",
	"/users/@me/guilds",
	"/users/@me/guilds/{guild}",
	"/users/@me/guilds/{guild}/member",
	"/users/{user}",

	// https://discord.com/developers/docs/resources/voice
	"/guilds/{guild}/voice-states/@me",
	"/guilds/{guild}/voice-states/{user}",
	"/voice/regions",

	// https://discord.com/developers/docs/resources/webhook
	"/channels/{channel}/webhooks",
	"/guilds/{guild}/webhooks",
	"/webhooks/{webhook}",
	"/webhooks/{webhook}/{token}",
	"/webhooks/{webhook}/{token}/github",
	"/webhooks/{webhook}/{token}/messages/{message}",
	"/webhooks/{webhook}/{token}/slack",
}
