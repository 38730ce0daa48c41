/* Key derivation against NIST CAVS 17.3 (IKEv1), HASH_R figures of ike-scan, key expansions of NSS
 * and of an extractor of state machines, and figures made in Python from the formulae where nobody
 * published any. Whole recorded exchanges are in keymat_recorded_test.c. */
#include "keymat.h"
#include "recorded_rub.h"
#include "unhex.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct ike_cookies cookies_from(const char *i, const char *r)
{
    struct bytes cky_i = unhex(i), cky_r = unhex(r);
    struct ike_cookies ret;

    assert_true(cky_i.len == COOKIE_LEN && cky_r.len == COOKIE_LEN);
    memcpy(ret.i, cky_i.b, COOKIE_LEN);
    memcpy(ret.r, cky_r.b, COOKIE_LEN);
    return ret;
}

struct family {
    const char *label;
    const char *psk; /* NULL: signatures */
    const char *cky_i, *cky_r, *ni, *nr, *g_xy;
    const char *skeyid, *d, *a, *e;
};

/* The hash is SHA-1 throughout. */
static const struct family families[] = {
    { "CAVS PSK case 0", "75", "83d374c30b3b5082", "5afc0da06c728029", "b9a2d0e922dc66dd",
      "2130166863b5ddef", "739003ba2c11c982946c65e26acf661fbf8ebb78011a9fead79efa12fe3e71cc",
      "62b04d112877e442fc3282fc37c076997718a0b9", "369e5aad1bdb5faf6a3d929d500cdc236710a9ab",
      "588e957d8d790d093b3a39f121473473af78e9bb", "cd74b0c048219db81384d3fda8f6cda51e398a2b" },
    { "CAVS PSK case 1", "c0", "d1cbcedddd3c7b09", "4d61a7826f1044af", "03a6f25a83c8c2a3",
      "9d958a6618f77e7f", "04e2d98b6ce1ae11e954482b308034ad4b9ebf9332512b01f5269eadad43d503",
      "ab3be41bc62f2ef0c41a3076d58768be77fadd2e", "e6e275b990aa3e075987aa28bd5c7bf9e9389b3e",
      "f0405e6da81e8640c84d913a53f01483b7e3d34f", "8e697c4bdce92234114b59aa0e634a381ad797fa" },
    { "CAVS PSK case 2", "af", "00850dcd01dfbb65", "9d1b436d5225ceee", "8ab715a3d645c432",
      "4f28a80cbf88491a", "a66ac68310eede0f1881ef40573cd5d57d6efc0e1863643813701c01efe68584",
      "9780a9162549b7cc992630c1c10d26eaa3b2a2df", "4bf7be14152f52c8d30dea920527b5d5b18ea5e1",
      "3acf3336180d9df5cb2aa2cccccfa170536aeb93", "68e4d56abe94777c755f8c05452bbf5a7a63c096" },
    { "CAVS signature case 0", NULL, "8c3bcd3a69831d7f", "d2d9a7ff4fbe95a7", "69a62284195f1680",
      "80c94ba25c8abda5", "8ba4cbc73c0187301dc19a975823854dbd641c597f637f8d053a83b9514673eb",
      "707197817fb2d90cf54d1842606bdea59b9f4823", "384be709a8a5e63c3ed160cfe3921c4b37d5b32d",
      "48b327575abe3adba0f279849e289022a13e2b47", "a4a415c8e0c38c0da847c356cc61c24df8025560" },
    { "CAVS signature case 1", NULL, "7b4d15ccfacaed63", "4d25554e2513dbc4", "59982b5ba57e62c0",
      "460defc71e186463", "1c07321a9a7e41cd880ca37adb10c73bf00e7ae3cfc6fd8b51bce2b990e6f201",
      "0c2af3429715621d2aadc9945a9026fac791e24b", "cf6fea033cbb1137f8a1f4bd5557b58bdc0caa4b",
      "f89aa5c017628a0e358622489f72ef7944a9c56d", "144f4d082000ec8e69f1ad014a58e158a8d56d43" },
    { "CAVS signature case 2", NULL, "5e7dd5089a6a8ec9", "b37924065657c4fe", "6952fb00e17301f5",
      "9c0c8a81ee8408c2", "db87b41b1e914226122ae4b3948f022efabf685f4578032a2f0a0ad9f94dd954",
      "99f4bfae5429823790ef79dea9d602c14e2de7d6", "84975b4f9ff2fcc8586474b7cb48e8c886d31734",
      "b5b5d0496be1e2f61d0f79000adb423e44e11400", "ff058d5cd70a53e6f274ab1fcc7c8f5f307585d2" },
};

static void family_check(const struct family *f)
{
    struct bytes psk = unhex(f->psk), ni = unhex(f->ni), nr = unhex(f->nr), g_xy = unhex(f->g_xy);
    struct ike_cookies cookies = cookies_from(f->cky_i, f->cky_r);
    struct skeyid k;

    print_message("%s\n", f->label);
    if (f->psk)
        skeyid_from_psk(&k, DIGEST_SHA1, bytes_slice(&psk), bytes_slice(&ni), bytes_slice(&nr));
    else
        skeyid_from_signature(&k, DIGEST_SHA1, bytes_slice(&ni), bytes_slice(&nr),
                              bytes_slice(&g_xy));
    skeyid_derive(&k, bytes_slice(&g_xy), &cookies);
    assert_hex(k.skeyid, 20, f->skeyid);
    assert_hex(k.d, 20, f->d);
    assert_hex(k.a, 20, f->a);
    assert_hex(k.e, 20, f->e);
}

static void skeyid_and_its_family_come_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(families); i++)
        family_check(&families[i]);
}

struct responder_hash {
    const char *label;
    enum digest_alg alg;
    const char *psk; /* text */
    const char *g_xr, *g_xi, *cky_r, *cky_i, *sai_b, *idir_b, *ni_b, *nr_b, *hash_r, *skeyid;
};

static const struct responder_hash responder_hashes[] = {
    { "HMAC-MD5, PSK of 6 bytes", DIGEST_MD5, "abc123",
      "5c7916ddf8db4d233b3b36005bb3ccc115a73807e11a897be943fd4a2d0f942624cb00588d8b3a0a"
      "26502b73e639df217ef6c4cb90f96b0a3c3ef2f62ed025b4a705df9de65e33e380c1ba5fa23bf1f9"
      "911bbf388d0844256fa0131fc5cf8acb396936ba3295b4637b039d93f58db90a3a1cf1ef5051103b"
      "acf6e1a3334f9f89",
      "fde8c68c5f324c7dbcbadde1d757af6962c63496c009f77cad647f2997fd4295e50821453a6dc2f6"
      "279fd7fef68768584d9cee0da6e68a534a097ce206bf77ecc798310206f3f82d92d02c885794e0a4"
      "30ceb2d6b43c2aff45a6e14c6558382df0692ff65c2724eef750764ee456f31424a5ebd9e115d826"
      "bbb9722111aa4e01",
      "b2a3c7aa4be95e85", "756e3fa11c1b102c",
      "00000001000000010000002c01010001000000240101000080010001800200018003000180040002"
      "800b0001000c000400007080",
      "01000000ac100202", "251d7ace920b17cb34f9d561bca46d037b337d19",
      "e045819a64edbf022620bff3efdb935216584cc4", "b9c594fa3fca6bb30a85c4208a8df348",
      "41a65aa491c71dc618c0fd3bc20f24f7" },
    { "HMAC-SHA1, PSK of 6 bytes", DIGEST_SHA1, "abc123",
      "9bdee7aa341cf1a6c19bc0191106b5056537ce6b837cd70678ea5a3ccb606b56dee4548feb67f24f"
      "d6f4d5f58967a9ff3c674d9d79e4195b7def5aac147c9fe9abdc2f8ba2eca58f4c863fedc7a8c8e1"
      "ad6e1551b1e44bf9a0e258561a5db1c2ca1e8b5dfda1b012012b6fdf24ecd07da6b10d76ab3b58d0"
      "7b30b4f9da26aee4",
      "c9b7ef0610a22b3e1c88b1a01ce4d4110edf6baa122ed1285eb2184cd75d30a11520a725c2d263de"
      "5a157f77f953880732f3b14521836d7f3585cb0ce3fcadf81c541dde2680bd81953cf88e8f8096c1"
      "73470694ca7414fff9df0cdcdbb9d4f70ef1d6347293b507cfad965e2d2c1fa07326353e9a493d93"
      "284970040344fb11",
      "3506592130312567", "6c362583ce7a2a26",
      "00000001000000010000002c01010001000000240101000080010001800200028003000180040002"
      "800b0001000c000400007080",
      "01000000ac100202", "84943233f42a0b5a9b33c327162fe0efee2545e4",
      "76f451dce3fea6402b67f3fddae561ebdb4a6efe", "f63f237b3c0f1fe57a5b852203cfd27cbf0c78d4",
      "c19e17f076481fa476d004284e30cb71f94e85a4" },
    { "HMAC-MD5, PSK of 65 bytes", DIGEST_MD5,
      "12345678901234567890123456789012345678901234567890123456789012345",
      "11c1fe3625f121b6d3a78c83b1e95d8ddd0dcd995219506b05641825ba98623fe5332e8fceb293cb"
      "7444ec5be93c78689e6bd59746445ce498c6d34f3440201020de158af7d7a4df60493c2a5a8f0f58"
      "8827ad39e8f332064c597a82b70dbb7a93f0dbeda1f55bcf84088500f272db6b0a612d16138099ad"
      "9c751d9e77d484d7",
      "8588a18ca324180948e403f727df0525c88c229728bfc837c6f2232163566379426a916d7001de70"
      "6d517335ad88c2a97f20cd86b546c52a2434ffbc3858c3a469fb3bec78e0dc6eb088fe7cf4df1e87"
      "60843edd1b5381c852a57ba97be1c1567c5ccbbb94bc646735bd7c63a671af9165ecf03d44f09a0f"
      "291c9342eeb1450b",
      "783c309391a03bc3", "52816a0877553fd4",
      "00000001000000010000002c01010001000000240101000080010005800200018003000180040002"
      "800b0001000c000400007080",
      "011101f43e0369fb", "2211642a52407f9b7130a4571cb9c6e7e750bf57",
      "12fbeb37130dfe0d093530870658fbc9096c2053", "d4ee32d6fc95517eb672c199ed510bbb",
      "058d217bf182f21c7442b6f711388e10" },
    { "HMAC-SHA1, PSK of 65 bytes", DIGEST_SHA1,
      "12345678901234567890123456789012345678901234567890123456789012345",
      "bbfc1a122b52cce778cb769ecf40ed4cc3f75903ba0d3041aaa628451b60aa0dea9eae4d36a09502"
      "bbb5e832a54c5e1133753a90a6c81a5ab0b0cea8b981861fcc6fde21905d8b68b286d0542dc4234b"
      "6c5bae0c02a64c4287f3608bf4fee4a07e71f3d32e417c886b5a5ebd67fee8ed6aeefbee94835e15"
      "aed7847faf9bd696",
      "a5d1d0b72d7b08c253cf1e4bc1575639ba6dcaa179829bab11cb3dddaddf3875bbf94428e0bd1635"
      "7532a2b4a73e59477ee5f372010a843235adea5bc05fd9dd0ffd13f0a398efb48c6bc5d3173fd08d"
      "04c7a21ff2dbb94673ef919ba7d83c8ea1bf540897f53c62d7b8cdb8d70d6e7390aee143bcf87807"
      "d4ba5f296177ceb2",
      "3e9e80bbae9c264d", "2d4732ef8a14c854",
      "00000001000000010000002c01010001000000240101000080010005800200028003000180040002"
      "800b0001000c000400007080",
      "011101f43e0369fb", "caffb48754efbfc3b734fc285c5c594e81cce20f",
      "8318cfebfdc7807beda72178b42ee114e89b4db3", "b662b1ca0ba31a9b90133901edb2b684fe20c67e",
      "0f4dc82ae0bbc3220e7f249e14b407244766347d" },
};

static void hash_r_comes_out_with_either_hash_and_long_secrets(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(responder_hashes); i++) {
        const struct responder_hash *h = &responder_hashes[i];
        struct bytes g_xi = unhex(h->g_xi), g_xr = unhex(h->g_xr), sai_b = unhex(h->sai_b);
        struct bytes ni = unhex(h->ni_b), nr = unhex(h->nr_b), idir_b = unhex(h->idir_b);
        struct phase1_facts f = { .g_xi = bytes_slice(&g_xi),
                                  .g_xr = bytes_slice(&g_xr),
                                  .cookies = cookies_from(h->cky_i, h->cky_r),
                                  .sai_b = bytes_slice(&sai_b) };
        uint8_t got[DIGEST_MAX];
        struct skeyid k;
        print_message("%s\n", h->label);
        skeyid_from_psk(&k, h->alg, slice_of_text(h->psk), bytes_slice(&ni), bytes_slice(&nr));
        assert_hex(k.skeyid, digest_info[h->alg].len, h->skeyid);
        keymat_hash_r(&k, &f, bytes_slice(&idir_b), got);
        assert_hex(got, digest_info[h->alg].len, h->hash_r);
    }
}

static struct skeyid skeyid_with_e(enum digest_alg alg, const char *e)
{
    struct bytes bytes = unhex(e);
    struct skeyid k = { .alg = alg };

    assert_int_equal(bytes.len, digest_info[alg].len);
    memcpy(k.e, bytes.b, bytes.len);
    return k;
}

static void skeyid_e_expands(void **state)
{
    struct skeyid k = skeyid_with_e(DIGEST_SHA1, "63e81194946ebd05df7df5ebf5d8750056bf1f1d");
    struct bytes want =
        unhex("933347a07de5782247dd36d1562ffe0eecade1eb4134165257e3af1000af8ae3f165063828cbb60d"
              "910b7db38fa3c7f62c4afaaf3203da065c841729853edb23e9e7ac8286ae65c8cb6c667d79268c0b"
              "d6705abb9131698eb822b1c1f9dd142fc7be2c1010ee0152e10195add98999c6b6d42c8fe9c1b134"
              "d56ad5f2c6f20e815bd25c52");
    uint8_t got[KEYMAT_MAX + 1];

    (void)state;
    for (size_t len = 0; len <= want.len; len++) {
        memset(got, 0xee, sizeof(got));
        skeyid_e_expand(&k, got, len);
        assert_memory_equal(got, want.b, len);
        assert_int_equal(got[len], 0xee);
    }
}

struct cipher_key {
    const char *label;
    enum digest_alg alg;
    enum cipher_alg cipher;
    const char *e, *want; /* want NULL: no usable key */
};

static const struct cipher_key cipher_keys[] = {
    { "des takes the first 8 bytes", DIGEST_SHA1, CIPHER_DES,
      "6c40f4ee0189ebbfcdb7a4630732e95d6df312ab", "6c40f4ee0189ebbf" },
    { "aes-128 takes the first 16 bytes", DIGEST_SHA1, CIPHER_AES_128,
      "6c40f4ee0189ebbfcdb7a4630732e95d6df312ab", "6c40f4ee0189ebbfcdb7a4630732e95d" },
    { "aes-128 takes all of an md5", DIGEST_MD5, CIPHER_AES_128, "6c40f4ee0189ebbfcdb7a4630732e95d",
      "6c40f4ee0189ebbfcdb7a4630732e95d" },
    { "3des needs more than a sha1", DIGEST_SHA1, CIPHER_3DES,
      "6c40f4ee0189ebbfcdb7a4630732e95d6df312ab",
      "5c654cf0a61590560da13fdd1854debe948d47f287670cfb" },
    { "3des needs more than an md5", DIGEST_MD5, CIPHER_3DES, "6c40f4ee0189ebbfcdb7a4630732e95d",
      "f5d9cfaf163511b3520c29400f1ca132a6cabf8c1051f23c" },
    { "aes-192 needs more than a sha1", DIGEST_SHA1, CIPHER_AES_192,
      "6c40f4ee0189ebbfcdb7a4630732e95d6df312ab",
      "5c654cf0a61590560da13fdd1854debe948d47f287670cfb" },
    { "aes-256 needs more than a sha1", DIGEST_SHA1, CIPHER_AES_256,
      "6c40f4ee0189ebbfcdb7a4630732e95d6df312ab",
      "5c654cf0a61590560da13fdd1854debe948d47f287670cfb6ec9d83bb134b5ad" },
    { "aes-256 needs more than an md5", DIGEST_MD5, CIPHER_AES_256,
      "6c40f4ee0189ebbfcdb7a4630732e95d",
      "f5d9cfaf163511b3520c29400f1ca132a6cabf8c1051f23cf379d9983422a1d5" },
    { "des steps over a weak key", DIGEST_MD5, CIPHER_DES, "0101010101010101cdb7a4630732e95d",
      "cdb7a4630732e95d" },
    { "des steps over a semi-weak key whatever its parity", DIGEST_SHA1, CIPHER_DES,
      "00ff00ff00ff00ffcdb7a4630732e95d6df312ab", "cdb7a4630732e95d" },
    { "des finds no key in an md5 of weak ones", DIGEST_MD5, CIPHER_DES,
      "0101010101010101fefefefefefefefe", NULL },
    { "des finds no key in a sha1 of weak ones, four bytes are none", DIGEST_SHA1, CIPHER_DES,
      "1f1f1f1f0e0e0e0ee0e0e0e0f1f1f1f16df312ab", NULL },
};

static void cipher_keys_come_out_and_weak_ones_do_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cipher_keys); i++) {
        const struct cipher_key *c = &cipher_keys[i];
        struct skeyid k = skeyid_with_e(c->alg, c->e);
        uint8_t got[CIPHER_KEY_MAX], untouched[CIPHER_KEY_MAX];
        print_message("%s\n", c->label);
        memset(got, 0xee, sizeof(got));
        memset(untouched, 0xee, sizeof(untouched));
        assert_int_equal(keymat_cipher_key(&k, c->cipher, got), c->want != NULL);
        if (c->want)
            assert_hex(got, cipher_info[c->cipher].key_len, c->want);
        else
            assert_memory_equal(got, untouched, sizeof(got));
    }
}

struct quick {
    const char *label, *d;
    bool fresh_dh;
    const char *spi, *ni, *nr;
    uint8_t protocol;
    const char *want;
};

/* 72 bytes are more than three blocks; where Diffie-Hellman is fresh, the secret of phase 1 of the
 * recorded main mode stands in for it. */
static const struct quick quicks[] = {
    { "RUB testComputeKeyMaterial, first SPI", "b6cd873cdfe99dee9a42202ba0d43f61da3e6a99", false,
      "bc87cf3f", "cec1ae1e6e1d7f5b6d59a658ce2933eb",
      "8ee957f9076b169465d28c0075bfadde31f9bf5a7cf6f48ca3e63d729dc36992", 3,
      "9b7ef7409cf03c5c960e8ea3a832919ea877cbc00d1bdf385e94eec05b91fc40b43585f8" },
    { "RUB testComputeKeyMaterial, second SPI", "b6cd873cdfe99dee9a42202ba0d43f61da3e6a99", false,
      "c6af22ee", "cec1ae1e6e1d7f5b6d59a658ce2933eb",
      "8ee957f9076b169465d28c0075bfadde31f9bf5a7cf6f48ca3e63d729dc36992", 3,
      "7a4a4c9117705ff453f50a8914bd7726665f3b5e5c90cc1d039138a0273a2b4e0f2cc3d2" },
    { "72 bytes", "b24528d5c7857890c540b0bb67d472fcadb26133", false, "c6bf8b4d", "695346ebcf35ab90",
      "f7f30d166c81bbaec75d2d24cb08ffbdd99ae2c530699ca607f701af00fb69a4", 3,
      "7b37d7732a9d29267d354445dc11073e94b2d2b4b021c21a0073435ed53748f333332d42e78ec09f"
      "e376f069284fac25f0ddd1a65906402377d67c95adf98630e5c9c4c77e2ea5e8" },
    { "72 bytes, fresh Diffie-Hellman", "b24528d5c7857890c540b0bb67d472fcadb26133", true,
      "c6bf8b4d", "695346ebcf35ab90",
      "f7f30d166c81bbaec75d2d24cb08ffbdd99ae2c530699ca607f701af00fb69a4", 3,

      "5b282485f1dc9e528615141bd29dcde985ae28c5bc9cbfc24bc39ba00c4f9dc1dd5e98b0ee6a3af3"
      "f63c926768d1bb5ec9aa54da2cfddab7f48a148a7075bb6034d2bd114338e3bb" },
    { "20 bytes for AH", "b24528d5c7857890c540b0bb67d472fcadb26133", false, "c6bf8b4d",
      "695346ebcf35ab90", "f7f30d166c81bbaec75d2d24cb08ffbdd99ae2c530699ca607f701af00fb69a4", 2,
      "7616688c1d467b9280a8f676a8194e51a59f7731" },
};

static void keys_of_phase_2_come_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(quicks); i++) {
        const struct quick *q = &quicks[i];
        struct bytes d = unhex(q->d), spi = unhex(q->spi), ni = unhex(q->ni), nr = unhex(q->nr);
        struct bytes g_xy = unhex(q->fresh_dh ? recorded_exchanges[1].g_xy : NULL);
        struct bytes want = unhex(q->want);
        struct quick_facts f = { .g_qm_xy = bytes_slice(&g_xy),
                                 .protocol = q->protocol,
                                 .spi = bytes_slice(&spi),
                                 .ni_b = bytes_slice(&ni),
                                 .nr_b = bytes_slice(&nr) };
        struct skeyid k = { .alg = DIGEST_SHA1 };
        print_message("%s\n", q->label);
        memcpy(k.d, d.b, d.len);
        for (size_t len = 0; len <= want.len; len++) {
            uint8_t got[KEYMAT_MAX + 1];
            memset(got, 0xee, sizeof(got));
            keymat_quick(&k, &f, got, len);
            assert_memory_equal(got, want.b, len);
            assert_int_equal(got[len], 0xee);
        }
    }
}

/* From the facts of the recorded main mode, as if RSA signatures had been chosen, or base mode. */
static void signature_and_base_mode_hashes_come_out(void **state)
{
    const struct recorded_exchange *r = &recorded_exchanges[1];
    static const struct family signature = {
        "signatures over the recorded main mode",
        NULL,
        "59cedc5dcea558fe",
        "9e16984236445257",
        "32ae9db36e7418a7",
        "ce2b9ff5f8519260b6c8f153529bc5a43121e3aa57a3de7d0d63baba86679e57",
        NULL,
        "d48034a5b72a99698aa53b332f9f54c67136358c",
        "5493d3bf50a7bba82273622561c810ff03c63a11",
        "ec841a39c193fa0eace835f3b406afc89d94b70a",
        "673fd63e81ec9d91d688d23d224fe8f790a2ebc2",
    };
    struct family with_g_xy = signature;
    struct bytes wire_i = unhex(r->messages[2].wire), wire_r = unhex(r->messages[3].wire);
    struct bytes sai_b = unhex(r->sai_b), idii_b = unhex(r->idii_b), idir_b = unhex(r->idir_b);
    struct bytes key = unhex(signature.skeyid);
    struct phase1_facts f = { .g_xi = { wire_i.b + 32, 128 }, /* behind two headers */
                              .g_xr = { wire_r.b + 32, 128 },
                              .cookies = cookies_from(r->cky_i, r->cky_r),
                              .sai_b = bytes_slice(&sai_b) };
    struct skeyid k = { .alg = DIGEST_SHA1 };
    uint8_t got[DIGEST_MAX];

    (void)state;
    with_g_xy.g_xy = r->g_xy;
    family_check(&with_g_xy);
    memcpy(k.skeyid, key.b, key.len);
    keymat_hash_i(&k, &f, bytes_slice(&idii_b), got);
    assert_hex(got, 20, "d14826a2081981c1ed305d8d4dde257790aa3f17");
    keymat_hash_r(&k, &f, bytes_slice(&idir_b), got);
    assert_hex(got, 20, "db18ef681291529c09265555ef94f52f24f85acd");
    /* Base mode with a pre-shared key. */
    key = unhex(r->skeyid);
    memcpy(k.skeyid, key.b, key.len);
    f.g_xr.len = 0;
    keymat_hash_i(&k, &f, bytes_slice(&idii_b), got);
    assert_hex(got, 20, "cf7321c48e71d9905265aad5d96c7aa3801bedda");
    /* Base mode with signatures. */
    struct bytes ni = unhex(signature.ni), nr = unhex(signature.nr);
    keymat_base_hash_i(DIGEST_SHA1, &f, bytes_slice(&ni), bytes_slice(&nr), bytes_slice(&idii_b),
                       got);
    assert_hex(got, 20, "a69ff2cb61a4069130d86d700e22a3dcf9ae8086");
    f.g_xr.len = 128;
    keymat_base_hash_r(DIGEST_SHA1, &f, bytes_slice(&ni), bytes_slice(&nr), bytes_slice(&idii_b),
                       got);
    assert_hex(got, 20, "e15000f4daf69e6cb2a0d7ad1a878e87d11eff7c");
}

/* Dead peer detection and delete after the recorded main mode, message ID 0a0b0c0d. */
static void informational_hashes_and_their_iv_come_out(void **state)
{
    const struct recorded_exchange *r = &recorded_exchanges[1];
    struct bytes a = unhex(r->skeyid_a), last = unhex(r->last_p1_block);
    struct bytes there = unhex("000000200000000101108d2859cedc5dcea558fe9e1698423644525700000001");
    struct bytes deletion = unhex("000000100000000103040001b75ad16c");
    struct skeyid k = { .alg = DIGEST_SHA1 };
    uint8_t got[DIGEST_MAX];

    (void)state;
    memcpy(k.a, a.b, a.len);
    keymat_hash1(&k, 0x0a0b0c0d, bytes_slice(&there), got);
    assert_hex(got, 20, "e5efad126977e0fcbfbcb441bf6ae9d8d545e74d");
    keymat_hash1(&k, 0x0a0b0c0d, bytes_slice(&deletion), got);
    assert_hex(got, 20, "1e31ccb8cdbb70a35b4ae2b43b5247ed3d66ab1d");
    keymat_phase2_iv(DIGEST_SHA1, CIPHER_AES_128, last.b, 0x0a0b0c0d, got);
    assert_hex(got, 16, "d3a26a0f06dcd8c306e1004f5818d505");
}

static void hashes_match_only_whole_and_equal(void **state)
{
    uint8_t ours[DIGEST_MAX] = { 1, 2, 3 }, theirs[DIGEST_MAX + 1] = { 1, 2, 3 };

    (void)state;
    assert_true(keymat_hash_matches(DIGEST_SHA1, ours, (struct slice){ theirs, 20 }));
    assert_true(keymat_hash_matches(DIGEST_MD5, ours, (struct slice){ theirs, 16 }));
    assert_false(keymat_hash_matches(DIGEST_SHA1, ours, (struct slice){ theirs, 16 }));
    assert_false(keymat_hash_matches(DIGEST_MD5, ours, (struct slice){ theirs, 20 }));
    assert_false(keymat_hash_matches(DIGEST_SHA1, ours, (struct slice){ theirs, 21 }));
    assert_false(keymat_hash_matches(DIGEST_SHA1, ours, (struct slice){ theirs, 0 }));
    for (unsigned bit = 0; bit < 160; bit++) {
        theirs[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(keymat_hash_matches(DIGEST_SHA1, ours, (struct slice){ theirs, 20 }));
        theirs[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void wiping_leaves_no_key(void **state)
{
    struct skeyid k;

    (void)state;
    memset(&k, 0xee, sizeof(k));
    skeyid_wipe(&k);
    for (size_t i = 0; i < sizeof(k); i++)
        assert_int_equal(((const uint8_t *)&k)[i], 0);
    skeyid_wipe(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(skeyid_and_its_family_come_out),
        cmocka_unit_test(hash_r_comes_out_with_either_hash_and_long_secrets),
        cmocka_unit_test(skeyid_e_expands),
        cmocka_unit_test(cipher_keys_come_out_and_weak_ones_do_not),
        cmocka_unit_test(keys_of_phase_2_come_out),
        cmocka_unit_test(signature_and_base_mode_hashes_come_out),
        cmocka_unit_test(informational_hashes_and_their_iv_come_out),
        cmocka_unit_test(hashes_match_only_whole_and_equal),
        cmocka_unit_test(wiping_leaves_no_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
