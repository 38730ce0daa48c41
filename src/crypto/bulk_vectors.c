/* RFC 2202 (HMACs, cut to the 96 bits of RFC 2403 and 2404), RFC 3602, NIST SP 800-38A, FIPS 81 and
 * NESSIE (DES, 3DES), packets of real peers (RUB-NDS IPsec-StateMachineExtractor, OpenDataPlane,
 * tcpdump's test captures). The AH packets have their mutable fields zeroed as RFC 4302 3.3.3 asks.
 */
#include "bulk_vectors.h"

#include "must.h"

#include <string.h>

const struct bulk_vector bulk_vectors[] = {
    { .name = "RFC 2202 HMAC-MD5 case 1",
      .cipher = CIPHER_NONE,
      .auth = AUTH_MD5,
      .auth_key = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
      .head = "4869205468657265",
      .icv = "9294727a3638bb1c13f48ef8" },
    { .name = "RFC 2202 HMAC-SHA-1 case 1",
      .cipher = CIPHER_NONE,
      .auth = AUTH_SHA1,
      .auth_key = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
      .head = "4869205468657265",
      .icv = "b617318655057264e28bc0b6" },
    { .name = "RFC 2202 HMAC-MD5 case 2",
      .cipher = CIPHER_NONE,
      .auth = AUTH_MD5,
      .auth_key = "4a656665",
      .head = "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
      .icv = "750c783e6ab0b503eaa86e31" },
    { .name = "RFC 2202 HMAC-SHA-1 case 2",
      .cipher = CIPHER_NONE,
      .auth = AUTH_SHA1,
      .auth_key = "4a656665",
      .head = "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
      .icv = "effcdf6ae5eb2fa2d27416d5" },
    { .name = "RFC 2202 HMAC-MD5 case 3",
      .cipher = CIPHER_NONE,
      .auth = AUTH_MD5,
      .auth_key = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      .head = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
              "dddddddddddddddddddddddd",
      .icv = "56be34521d144c88dbb8c733" },
    { .name = "RFC 2202 HMAC-SHA-1 case 3",
      .cipher = CIPHER_NONE,
      .auth = AUTH_SHA1,
      .auth_key = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      .head = "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
              "dddddddddddddddddddddddd",
      .icv = "125d7342b9ac11cd91a39af4" },
    { .name = "RFC 2202 HMAC-MD5 case 4",
      .cipher = CIPHER_NONE,
      .auth = AUTH_MD5,
      .auth_key = "0102030405060708090a0b0c0d0e0f10111213141516171819",
      .head = "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
              "cdcdcdcdcdcdcdcdcdcdcdcd",
      .icv = "697eaf0aca3a3aea3a751647" },
    { .name = "RFC 2202 HMAC-SHA-1 case 4",
      .cipher = CIPHER_NONE,
      .auth = AUTH_SHA1,
      .auth_key = "0102030405060708090a0b0c0d0e0f10111213141516171819",
      .head = "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
              "cdcdcdcdcdcdcdcdcdcdcdcd",
      .icv = "4c9007f4026250c6bc8414f9" },
    { .name = "RFC 2202 HMAC-MD5 case 5",
      .cipher = CIPHER_NONE,
      .auth = AUTH_MD5,
      .auth_key = "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c",
      .head = "546573742057697468205472756e636174696f6e",
      .icv = "56461ef2342edc00f9bab995" },
    { .name = "RFC 2202 HMAC-SHA-1 case 5",
      .cipher = CIPHER_NONE,
      .auth = AUTH_SHA1,
      .auth_key = "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c",
      .head = "546573742057697468205472756e636174696f6e",
      .icv = "4c1a03424b55e07fe7f27be1" },
    { .name = "RFC 2202 HMAC-MD5 case 6",
      .cipher = CIPHER_NONE,
      .auth = AUTH_MD5,
      .auth_key = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaa",
      .head = "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b657920"
              "2d2048617368204b6579204669727374",
      .icv = "6b1ab7fe4bd7bf8f0b62e6ce" },
    { .name = "RFC 2202 HMAC-SHA-1 case 6",
      .cipher = CIPHER_NONE,
      .auth = AUTH_SHA1,
      .auth_key = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaa",
      .head = "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b657920"
              "2d2048617368204b6579204669727374",
      .icv = "aa4ae5e15272d00e95705637" },
    { .name = "RFC 2202 HMAC-MD5 case 7",
      .cipher = CIPHER_NONE,
      .auth = AUTH_MD5,
      .auth_key = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaa",
      .head = "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b657920"
              "616e64204c6172676572205468616e204f6e6520426c6f636b2d53697a652044617461",
      .icv = "6f630fad67cda0ee1fb1f562" },
    { .name = "RFC 2202 HMAC-SHA-1 case 7",
      .cipher = CIPHER_NONE,
      .auth = AUTH_SHA1,
      .auth_key = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaa",
      .head = "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b657920"
              "616e64204c6172676572205468616e204f6e6520426c6f636b2d53697a652044617461",
      .icv = "e8e99d0f45237d786d6bbaa7" },
    { .name = "RFC 3602 case 1",
      .cipher = CIPHER_AES_128,
      .auth = AUTH_NONE,
      .key = "06a9214036b8a15b512e03d534120006",
      .head = "3dafba429d9eb430b422da802c9fac41",
      .clear = "53696e676c6520626c6f636b206d7367",
      .sealed = "e353779c1079aeb82708942dbe77181a" },
    { .name = "RFC 3602 case 2",
      .cipher = CIPHER_AES_128,
      .auth = AUTH_NONE,
      .key = "c286696d887c9aa0611bbb3e2025a45a",
      .head = "562e17996d093d28ddb3ba695a2e6f58",
      .clear = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
      .sealed = "d296cd94c2cccf8a3a863028b5e1dc0a7586602d253cfff91b8266bea6d61ab1" },
    { .name = "RFC 3602 case 3",
      .cipher = CIPHER_AES_128,
      .auth = AUTH_NONE,
      .key = "6c3ea0477630ce21a2ce334aa746c2cd",
      .head = "c782dc4c098c66cbd9cd27d825682c81",
      .clear = "5468697320697320612034382d62797465206d657373616765202865786163746c7920332041"
               "455320626c6f636b7329",
      .sealed = "d0a02b3836451753d493665d33f0e8862dea54cdb293abc7506939276772f8d5021c19216bad"
                "525c8579695d83ba2684" },
    { .name = "RFC 3602 case 4",
      .cipher = CIPHER_AES_128,
      .auth = AUTH_NONE,
      .key = "56e47a38c5598974bc46903dba290349",
      .head = "8ce82eefbea0da3c44699ed7db51b7d9",
      .clear = "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5"
               "c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf",
      .sealed = "c30e32ffedc0774e6aff6af0869f71aa0f3af07a9a31a9c684db207eb0ef8e4e35907aa632c3"
                "ffdf868bb7b29d3d46ad83ce9f9a102ee99d49a53e87f4c3da55" },
    { .name = "RFC 3602 case 5 (ESP packet)",
      .cipher = CIPHER_AES_128,
      .auth = AUTH_NONE,
      .key = "90d382b410eeba7ad938c46cec1a82bf",
      .head = "0000432100000001e96e8c08ab465763fd098d45dd3ff893",
      .clear = "08000ebda70a00008e9c083db95b070008090a0b0c0d0e0f101112131415161718191a1b1c1d"
               "1e1f202122232425262728292a2b2c2d2e2f30313233343536370102030405060708090a0b0c"
               "0d0e0e01",
      .sealed = "f663c25d325c18c6a9453e194e120849a4870b66cc6b9965330013b4898dc856a4699e523a55"
                "db080b59ec3a8e4b7e52775b07d1db34ed9c538ab50c551b874aa269add047ad2d5913ac19b7"
                "cfbad4a6" },
    { .name = "RFC 3602 case 6 (ESP packet)",
      .cipher = CIPHER_AES_128,
      .auth = AUTH_NONE,
      .key = "90d382b410eeba7ad938c46cec1a82bf",
      .head = "000043210000000869d08df7d203329db093fc4924e5bd80",
      .clear = "0800b5e8a80a0500a69c083d0b660e0077777777777777777777777701020201",
      .sealed = "f51995881ec4e0c4488987ce742e8109689bb379d2d750c0d915dca346a89f75" },
    { .name = "RFC 3602 case 7 (ESP packet)",
      .cipher = CIPHER_AES_128,
      .auth = AUTH_NONE,
      .key = "0123456789abcdef0123456789abcdef",
      .head = "0000876500000002f4e765244f6407adf13dc1380f673f37",
      .clear = "45000054090400004001f988c0a87b03c0a87bc808009f76a90a0100b49c083d02a204000809"
               "0a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f"
               "30313233343536370102030405060708090a0a04",
      .sealed = "773b5241a4c449225e4f3ce5ed611b0c237ca96cf74a93013c1b0ea1a0cf70f8e4ecaec78ac5"
                "3aad7a0f022b859243c647752e94a859352b8a4d4d2decd136e5c177f132ad3fbfb2201ac990"
                "4c74ee0a109e0ca1e4dfe9d5a100b842f1c22f0d" },
    { .name = "RFC 3602 case 8 (ESP packet)",
      .cipher = CIPHER_AES_128,
      .auth = AUTH_NONE,
      .key = "0123456789abcdef0123456789abcdef",
      .head = "000087650000000585d47224b5f3dd5d2101d4ea8dffab22",
      .clear = "45000044090c00004001f990c0a87b03c0a87bc80800d63caa0a0200c69c083da3de0300ffff"
               "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff0102030405060708"
               "090a0a04",
      .sealed = "15b92683819596a8047232cc00f7048fe45318e11f8a0f62ede3c3fc61203bb50f980a08c984"
                "3fd3a1b06d5c07ff9639b7eb7dfb3512e5de435e7207ed971ef3d2726d9b5ef6affc6d17a0de"
                "cbb13892" },
    { .name = "DES-CBC, FIPS 81",
      .cipher = CIPHER_DES,
      .auth = AUTH_NONE,
      .key = "0123456789abcdef",
      .head = "1234567890abcdef",
      .clear = "4e6f77206973207468652074696d6520666f7220616c6c20",
      .sealed = "e5c7cdde872bf27c43e934008c389c0f683788499a7c05f6" },
    { .name = "3DES-CBC, three keys",
      .cipher = CIPHER_3DES,
      .auth = AUTH_NONE,
      .key = "0123456789abcdeff1e0d3c2b5a49786fedcba9876543210",
      .head = "fedcba9876543210",
      .clear = "37363534333231204e6f77206973207468652074696d6520666f722000000000",
      .sealed = "3fe301c962ac01d02213763c1cbd4cdc799657c064ecf5d41c673812cfde9675" },
    { .name = "3DES-CBC, NIST multi-block 1",
      .cipher = CIPHER_3DES,
      .auth = AUTH_NONE,
      .key = "627f460e08104a1043cd265d5840eaf1313edf97df2a8a8c",
      .head = "8e29f75ea77e5475",
      .clear = "326a494cd33fe756",
      .sealed = "b22b8d66de970692" },
    { .name = "3DES-CBC, NIST multi-block 2",
      .cipher = CIPHER_3DES,
      .auth = AUTH_NONE,
      .key = "37ae5ebf46dff2dc0754b94f31cbb3855e7fd36dc870bfae",
      .head = "3d1de3cc132e3b65",
      .clear = "84401f78fe6c10876d8ea23094ea5309",
      .sealed = "7b1f7c7e3b1c948ebd04a75ffba7d2f5" },
    { .name = "DES block, NESSIE set 8 vector 0",
      .cipher = CIPHER_DES,
      .auth = AUTH_NONE,
      .key = "0001020304050607",
      .head = "0000000000000000",
      .clear = "41ad068548809d02",
      .sealed = "0011223344556677" },
    { .name = "DES block, NESSIE set 8 vector 1",
      .cipher = CIPHER_DES,
      .auth = AUTH_NONE,
      .key = "2bd6459f82c5b300",
      .head = "0000000000000000",
      .clear = "b10f843097a0f932",
      .sealed = "ea024714ad5c4d84" },
    { .name = "SP 800-38A F.2.3",
      .cipher = CIPHER_AES_192,
      .auth = AUTH_NONE,
      .key = "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
      .head = "000102030405060708090a0b0c0d0e0f",
      .clear = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35c"
               "e411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
      .sealed = "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a571b242012fb"
                "7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd" },
    { .name = "SP 800-38A F.2.5",
      .cipher = CIPHER_AES_256,
      .auth = AUTH_NONE,
      .key = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
      .head = "000102030405060708090a0b0c0d0e0f",
      .clear = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35c"
               "e411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
      .sealed = "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d39f23369a9d9"
                "bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b" },
    { .name = "ESP aes-128 sha1, tunnel (RUB)",
      .cipher = CIPHER_AES_128,
      .auth = AUTH_SHA1,
      .key = "bd30891c6cb5f9a353be9184897260c9",
      .auth_key = "d42291170f2c984835553a1b83373735723fe256",
      .head = "c6494f6100000001173250acefbfe2e43b769697701347ba",
      .clear = "45000028966700004006cd670a0001010a000201cbc00016c978662800000000500272102b59"
               "00000102030405060604",
      .sealed = "745dc8a99379ac042280924deb4a6e63da66513996098e0cd046d7c8c839cfd779eafcb6ac8c"
                "f25c3bf84a4dcbf7dcf9",
      .icv = "bb53725c2b2785c76c4c3fab" },
    { .name = "ESP aes-128 sha1, transport (ODP)",
      .cipher = CIPHER_AES_128,
      .auth = AUTH_SHA1,
      .key = "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5",
      .auth_key = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
      .head = "0000007b0000000117c3faaf1deb94064ef862b41fa01762",
      .clear = "0800fb3712340000babe01234567cafe000102030405060708090a0b0c0d0e0f101112131415"
               "161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b"
               "3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b01020201",
      .sealed = "baf3fb1086ee806f44ff947feed85062403f7c76b465ca32910ebaf2c19d3bcb0fc9c9ae3342"
                "1636d3c86c23acbf98f2da1095bce838bf4b19d05867d9abd0f559c9dcbb46cc3426e6d6ee5c"
                "c8e246c914e998e4b9ecf0a71294544e56fde807d883f9785fa61acebbdabc7cd8b67b4f",
      .icv = "784efebd427f429665e7602f" },
    { .name = "ESP 3des md5, tunnel (tcpdump)",
      .cipher = CIPHER_3DES,
      .auth = AUTH_MD5,
      .key = "4043434545464649494a4a4c4c4f4f515152525454575758",
      .auth_key = "87658765876587658765876587658765",
      .head = "12345678000000014c20452f3cb09211",
      .clear = "45000054000040003f01b8a6c0000201c00001010800baf06f000500239bc73bf23401000809"
               "0a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f"
               "303132333435363701020204",
      .sealed = "d3a748cde5c811e39c4ee83cfe96a1e42acfd2b87aab05d1642ba3af9c1bc342102c40ad15df"
                "4de0200a63638734711187d412093b83bfaa43191cbd84a45b0276338399b1f5ca17cc925445"
                "7e5906551a7041e3dc9176e8",
      .icv = "6fd3ffdd00b0bc11f8103097" },
    { .name = "ESP 3des md5, UDP-encapsulated (tcpdump)",
      .cipher = CIPHER_3DES,
      .auth = AUTH_MD5,
      .key = "4043434545464649494a4a4c4c4f4f515152525454575758",
      .auth_key = "87658765876587658765876587658765",
      .head = "1234567800000001a71a51de1cb92923",
      .clear = "45000054000040003f01b8a6c0000201c00001010800baf06f000500239bc73bf23401000809"
               "0a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f"
               "303132333435363701020204",
      .sealed = "8c4cab9ef2550db76402c501a26729fc8e8f7a7e63aa4b54aa59f642177a2924cc238d43b4c2"
                "8d5191232bd1608e4f49c04726b61255c79a5efdc271510fc047bdd45b642c3b0f12b56e4d51"
                "49c662bc468f221a52cca322",
      .icv = "ad5a3fe76ae333dac783be7e" },
    { .name = "ESP aes-256 sha1, tunnel (tcpdump)",
      .cipher = CIPHER_AES_256,
      .auth = AUTH_SHA1,
      .key = "aaaabbbbccccdddd4043434545464649494a4a4c4c4f4f515152525454575758",
      .auth_key = "8765876587658765876587658765876587658765",
      .head = "d123456700000001e6bb1ce8d0a88170da61de234d5618a0",
      .clear = "45000054000040003f01b8a6c0000201c00001010800baf06f000500239bc73bf23401000809"
               "0a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f"
               "30313233343536370102030405060708090a0a04",
      .sealed = "9984c00c3ebcfc69e9287affec215449ffbe790ac7280eca8f6c88b125deca11c870e4f85134"
                "2d20200ff1189cc18c910a5f37e74f1528f26749bf998bc20cc645117e2bdcc9ba0b0ad3a801"
                "68619ac66eb4b070d771e65f6077ea5366bf3bd8",
      .icv = "8b5b5cbcd1e4d990b76e85b1" },
    { .name = "AH sha1, transport",
      .cipher = CIPHER_NONE,
      .auth = AUTH_SHA1,
      .auth_key = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
      .head = "450000440000000000330000c0a86f02c0a8de02010400000000007b00000001000000000000"
              "00000000000008000d7412340000babe01234567cafe0001020304050607",
      .icv = "79323ba09053f6bd2a2b7c16" },
    { .name = "AH md5, transport",
      .cipher = CIPHER_NONE,
      .auth = AUTH_MD5,
      .auth_key = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a",
      .head = "450000440000000000330000c0a86f02c0a8de02010400000000007b00000001000000000000"
              "00000000000008000d7412340000babe01234567cafe0001020304050607",
      .icv = "cdc8d728a552ca7f499c37e1" },
};

const unsigned bulk_vector_count = sizeof(bulk_vectors) / sizeof(bulk_vectors[0]);

static uint8_t digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static uint32_t from_hex(const char *hex, uint8_t *ret, size_t cap)
{
    size_t len = hex ? strlen(hex) / 2 : 0;

    must(len <= cap, "a known answer too long for its test");
    for (size_t i = 0; i < len; i++)
        ret[i] = (uint8_t)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
    return (uint32_t)len;
}

void bulk_vector_load(const struct bulk_vector *v, struct bulk_vector_bytes *ret)
{
    struct bulk_vector_bytes b = { 0 };

    b.key_len = from_hex(v->key, b.key, sizeof(b.key));
    b.auth_key_len = from_hex(v->auth_key, b.auth_key, sizeof(b.auth_key));
    b.head_len = from_hex(v->head, b.clear, sizeof(b.clear));
    memcpy(b.sealed, b.clear, b.head_len);
    b.len = b.head_len + from_hex(v->clear, b.clear + b.head_len, sizeof(b.clear) - b.head_len);
    from_hex(v->sealed, b.sealed + b.head_len, sizeof(b.sealed) - b.head_len);
    from_hex(v->icv, b.icv, sizeof(b.icv));
    *ret = b;
}

struct bulk_job bulk_vector_job(const struct bulk_vector *v, const struct bulk_vector_bytes *bytes,
                                const struct bulk_key *key, uint8_t *buf, uint8_t *icv)
{
    return (struct bulk_job){ .key = key,
                              .buf = buf,
                              .cipher_off = bytes->head_len,
                              .cipher_len = bytes->len - bytes->head_len,
                              .auth_len = bytes->len,
                              .iv = buf + bytes->head_len - cipher_info[v->cipher].iv_len,
                              .icv = icv };
}
