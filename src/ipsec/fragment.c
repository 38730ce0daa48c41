#include "fragment.h"

#include <string.h>

static bool is_v6(const struct fragmenter *f)
{
    return ip_version(f->whole->data) == 6;
}

static uint32_t extra_len(const struct fragmenter *f)
{
    return is_v6(f) ? IP6_FRAG_HDR_LEN : 0;
}

bool fragment_init(struct fragmenter *f, const struct pkt *whole, uint32_t hdr_len,
                   uint32_t next_at, uint32_t mtu, uint32_t id)
{
    *f = (struct fragmenter){ .whole = whole, .hdr_len = hdr_len, .next_at = next_at, .id = id };
    uint32_t fixed = hdr_len + extra_len(f);

    if (mtu < fixed + 8)
        return false;
    f->max = (mtu - fixed) & ~7u;
    return true;
}

static uint32_t piece_len(const struct fragmenter *f)
{
    uint32_t left = f->whole->len - f->hdr_len - f->at;

    return left < f->max ? left : f->max;
}

size_t fragment_len(const struct fragmenter *f)
{
    uint32_t n = piece_len(f);

    return n ? f->hdr_len + extra_len(f) + n : 0;
}

/* Options that are not copied into every fragment (RFC 791, copied flag 0x80) become no-operations
 * in the later ones, so that all headers keep one length. */
static void ip4_opts_later(uint8_t *hdr, size_t hdr_len)
{
    for (size_t at = IP4_HDR_LEN, len; at < hdr_len; at += len) {
        len = 1;
        if (hdr[at] == 0)
            return;
        if (hdr[at] == 1)
            continue;
        if (at + 2 > hdr_len || hdr[at + 1] < 2 || at + hdr[at + 1] > hdr_len)
            return;
        len = hdr[at + 1];
        if (!(hdr[at] & 0x80))
            memset(hdr + at, 1, len);
    }
}

void fragment_next(struct fragmenter *f, struct pkt *ret)
{
    uint32_t n = piece_len(f), fixed = f->hdr_len + extra_len(f);
    bool more = f->hdr_len + f->at + n < f->whole->len;
    uint8_t *hdr = ret->data;

    memcpy(hdr, f->whole->data, f->hdr_len);
    memcpy(hdr + fixed, f->whole->data + f->hdr_len + f->at, n);
    if (is_v6(f)) {
        uint8_t *frag = hdr + f->hdr_len;

        frag[0] = hdr[f->next_at];
        frag[1] = 0;
        be16_put(frag + 2, (uint16_t)(f->at | more));
        be32_put(frag + 4, f->id);
        hdr[f->next_at] = PROTO_FRAGMENT;
    } else {
        if (f->at)
            ip4_opts_later(hdr, f->hdr_len);
        be16_put(hdr + IP4_FRAG, (uint16_t)(f->at / 8 | (more ? IP4_MF : 0)));
    }
    ret->len = fixed + n;
    ip_len_set(hdr, ret->len);
    f->at += n;
}
