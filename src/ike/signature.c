#include "signature.h"

#include "isakmp_cert.h"
#include "isakmp_id.h"
#include "must.h"
#include "phase1_kit.h"
#include "pki_sig.h"
#include "report.h"
#include "text.h"

#include <stdlib.h>

enum {
    ISSUERS_BYTES_MAX = 4096, /* of certificates behind our own, in one message */
    REQUESTS_MAX = 8,         /* more authorities than that are not named */
    REQUESTS_BYTES_MAX = 2048
};

/* In bytes of its own. */
struct kept_message {
    struct msg_in in;
    struct ike_path path;
    uint8_t *bytes;
};

/* What the pool works on: everything is shared or copied. */
struct auth_job {
    uint8_t hash_len;
    struct pki_key *key; /* NULL: nothing to sign */
    uint8_t own_hash[DIGEST_MAX];
    uint8_t sig[PKI_SIGNATURE_MAX];
    size_t sig_len; /* 0: not made */

    struct pki_trust *trust;   /* NULL: nobody to judge */
    struct pki_cert *pinned;   /* NULL: none */
    struct kept_message *kept; /* owns */
    uint8_t hash[DIGEST_MAX];
    struct body id_b; /* of the peer; owns */
    struct isakmp_id id;
    struct slice certs[PKI_CHAIN_MAX];
    size_t n_certs;
    int64_t wall_s;
    bool accepted;
    struct pki_why why;
};

bool signature_possible(const struct ike *ike, const struct peer *peer, const char **ret_why)
{
    const struct ike_peer *p = &peer->cfg;

    *ret_why = NULL;
    if (!p->certificate || !p->key)
        *ret_why = "the peer entry has no certificate with a private key";
    else if (pki_cert_subject(p->certificate).len > ISAKMP_ID_DATA_MAX)
        *ret_why = "the subject of our certificate is too long for an identity";
    else if (!p->remote_certificate && !pki_trust_authority(ike->trust, 0))
        *ret_why = "nothing to judge the peer by: the entry has no remote-certificate, and no "
                   "certificate is marked ca=yes";
    return *ret_why == NULL;
}

/* ---- in the pool ---- */

void auth_job_run(struct auth_job *a)
{
    if (a->trust) {
        const struct pki_claim claim = {
            .certs = a->certs,
            .n_certs = a->n_certs,
            .id = &a->id,
            .hash = { a->hash, a->hash_len },
            .sig = driver_body(&a->kept->in, PL_SIG),
        };
        a->accepted = pki_authenticate(a->trust, a->pinned, &claim, a->wall_s, NULL, &a->why);
    }
    if (a->key && (a->accepted || !a->trust))
        a->sig_len = pki_sign(a->key, (struct slice){ a->own_hash, a->hash_len }, a->sig);
}

void auth_job_free(struct auth_job *a)
{
    if (!a)
        return;
    pki_key_unref(a->key);
    pki_trust_unref(a->trust);
    pki_cert_unref(a->pinned);
    kept_message_free(a->kept);
    free(a->id_b.p);
    secret_wipe(a, sizeof *a);
    free(a);
}

/* ---- the peer's message ---- */

static struct slice moved(struct slice s, const uint8_t *from, const uint8_t *to)
{
    return (struct slice){ to + (s.p - from), s.len };
}

static struct kept_message *kept_new(const struct msg_in *in)
{
    struct kept_message *k = xcalloc(1, sizeof *k);
    const struct isakmp_payload *last = &in->payloads.at[in->payloads.n - 1];
    const uint8_t *from = in->payloads.at[0].raw.p;
    size_t len = (size_t)(last->raw.p - from) + last->raw.len;

    k->in = *in;
    k->path = *in->path;
    k->in.path = &k->path;
    k->in.payloads.padding = (struct slice){ NULL, 0 };
    k->bytes = xmalloc(len);
    memcpy(k->bytes, from, len);
    for (unsigned i = 0; i < in->payloads.n; i++) {
        struct isakmp_payload *p = &k->in.payloads.at[i];
        p->raw = moved(p->raw, from, k->bytes);
        p->body = moved(p->body, from, k->bytes);
    }
    return k;
}

void kept_message_free(struct kept_message *k)
{
    if (!k)
        return;
    free(k->bytes);
    free(k);
}

void signature_keep(struct phase1 *p1, const struct msg_in *in)
{
    kept_message_free(p1->setup->kept);
    p1->setup->kept = kept_new(in);
}

/* ---- starting ---- */

/* Certificates for signatures; other kinds and what is no certificate are passed over. */
static void certs_take(struct auth_job *a)
{
    const struct isakmp_payloads *ps = &a->kept->in.payloads;

    for (unsigned i = 0; i < ps->n && a->n_certs < PKI_CHAIN_MAX; i++) {
        struct rd r = rd_of(ps->at[i].body);
        struct isakmp_cert c;

        if (ps->at[i].type == PL_CERT && isakmp_cert_parse(&r, &c) == ISAKMP_OK &&
            c.encoding == CERT_X509_SIGNATURE)
            a->certs[a->n_certs++] = c.data;
    }
}

/* The identity was parsed when it came. */
static void id_take(struct auth_job *a, const struct body *id_b)
{
    struct rd r;

    body_keep(&a->id_b, body_slice(id_b));
    r = rd_of(body_slice(&a->id_b));
    must(isakmp_id_parse(&r, &a->id) == ISAKMP_OK, "an identity that was parsed before");
}

static void judgement_prepare(struct auth_job *a, struct phase1 *p1)
{
    struct p1_setup *s = p1->setup;
    struct ike *ike = p1->ike;

    a->kept = s->kept;
    s->kept = NULL;
    id_take(a, p1->initiator ? &s->idir_b : &s->idii_b);
    certs_take(a);
    p1_hash(p1, !p1->initiator, a->hash);
    a->trust = pki_trust_ref(ike->trust);
    a->pinned = pki_cert_ref(p1->peer->cfg.remote_certificate);
    a->wall_s = ike->env.wall_s(ike->env.ctx);
}

void signature_start(struct exchange *ex, unsigned what, signature_done done)
{
    struct auth_job *a = xcalloc(1, sizeof *a);
    struct ike_job *job = exchange_job_new(NULL);
    struct phase1 *p1 = ex->p1;

    a->hash_len = digest_info[p1->digest].len;
    if (what & SIGNATURE_MAKE) {
        a->key = pki_key_ref(p1->peer->cfg.key);
        p1_hash(p1, p1->initiator, a->own_hash);
    }
    if (what & SIGNATURE_JUDGE)
        judgement_prepare(a, p1);
    job->auth = a;
    exchange_job_start(ex, job, done);
}

/* ---- afterwards ---- */

static bool accepted(struct phase1 *p1, const struct auth_job *a)
{
    if (a->accepted) {
        driver_authentic(p1, &a->kept->in);
        return true;
    }
    ike_drop(p1->ike, IKE_DROP_SIGNATURE);
    report_phase1(p1, IKE_REPORT_ERROR, REPORT_ERROR, "authentication failed: %s", a->why.text);
    p1->complained = true;
    return false;
}

static bool is_made(struct phase1 *p1, const struct auth_job *a)
{
    if (a->sig_len > 0)
        return true;
    report_phase1(p1, IKE_REPORT_ERROR, REPORT_ERROR,
                  "our private key does not sign: it may be too short for this hash");
    p1->complained = true;
    return false;
}

bool signature_came_out(struct phase1 *p1, const struct ike_job *job)
{
    const struct auth_job *a = job->auth;

    return (!a->trust || accepted(p1, a)) && (!a->key || is_made(p1, a));
}

const struct msg_in *signature_message(const struct ike_job *job)
{
    return &job->auth->kept->in;
}

/* ---- what is sent ---- */

static void cert_emit(struct isakmp_msg *m, const struct pki_cert *cert)
{
    const struct isakmp_cert c = { .encoding = CERT_X509_SIGNATURE, .data = pki_cert_der(cert) };

    isakmp_cert_emit(m, PL_CERT, &c);
}

void signature_put(const struct phase1 *p1, const struct ike_job *job, struct isakmp_msg *m)
{
    const struct pki_cert *own = p1->peer->cfg.certificate, *issuers[PKI_CHAIN_MAX];
    const struct auth_job *a = job->auth;
    size_t n = pki_trust_issuers(p1->ike->trust, own, issuers, PKI_CHAIN_MAX - 1), bytes = 0;

    cert_emit(m, own);
    for (size_t i = 0; i < n; i++) {
        bytes += pki_cert_der(issuers[i]).len;
        if (bytes > ISSUERS_BYTES_MAX)
            break;
        cert_emit(m, issuers[i]);
    }
    msg_payload(m, PL_SIG, (struct slice){ a->sig, a->sig_len });
}

static void request_emit(struct isakmp_msg *m, struct slice authority)
{
    const struct isakmp_cert c = { .encoding = CERT_X509_SIGNATURE, .data = authority };

    isakmp_cert_emit(m, PL_CERTREQ, &c);
}

/* Few enough to be named. */
static bool are_few(const struct pki_trust *t)
{
    const struct pki_cert *c;
    size_t bytes = 0, n = 0;

    for (; (c = pki_trust_authority(t, n)); n++)
        bytes += pki_cert_subject(c).len;
    return n <= REQUESTS_MAX && bytes <= REQUESTS_BYTES_MAX;
}

void signature_request_put(const struct phase1 *p1, struct isakmp_msg *m)
{
    const struct pki_trust *t = p1->ike->trust;
    const struct pki_cert *c;

    if (p1->peer->cfg.remote_certificate)
        return;
    if (!are_few(t)) {
        request_emit(m, (struct slice){ NULL, 0 });
        return;
    }
    for (size_t i = 0; (c = pki_trust_authority(t, i)); i++)
        request_emit(m, pki_cert_subject(c));
}
