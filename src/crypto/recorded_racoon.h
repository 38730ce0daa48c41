/* Figures of IKEv1 exchanges recorded between two racoon daemons, which printed every secret: an
 * implementation other than ours computed all of them. Bytes in hex; NULL: does not occur. For
 * tests only. */
#pragma once

#include "dh.h"
#include "keymat.h"

struct racoon_exchange {
    const char *name;
    enum digest_alg digest;
    enum cipher_alg cipher;
    enum dh_group group;
    const char *psk; /* NULL: RSA signatures */
    bool base_mode;  /* its HASH_I covers no g^xr */
    const char *cky_i, *cky_r, *ni_b, *nr_b, *sai_b, *idii_b, *idir_b;
    const char *xi, *xr, *g_xi, *g_xr, *g_xy; /* private exponents, public values, secret */
    const char *skeyid, *skeyid_d, *skeyid_a, *skeyid_e, *key, *iv, *hash_i, *hash_r;
    const char *last_block;                  /* what the IVs of phase 2 start from */
    const char *iv_before, *sealed, *opened; /* one encrypted part of a message */
    const char *info_id, *info_rest, *info_hash1;
    const char *quick_id, *quick_iv, *quick_ni_b, *quick_nr_b;
    const char *rest1, *hash1, *rest2, *hash2, *hash3;
    const char *qm_xi, *qm_xr, *g_qm_xi, *g_qm_xr, *g_qm_xy; /* PFS */
    struct {
        const char *spi, *keymat;
    } sa[2];
};

static const struct racoon_exchange racoon_exchanges[] = {
    {
        .name = "main-psk-3des-md5-modp1024-pfs2",
        .digest = DIGEST_MD5,
        .cipher = CIPHER_3DES,
        .group = DH_MODP1024,
        .psk = "6777656a696d657a79666f706d656b756e",
        .cky_i = "f6d93d503079a418",
        .cky_r = "5a793a55b40af5a5",
        .ni_b = "948eb956018d3bef61b923ee32ab855a",
        .nr_b = "bec55cfafeff1dec0352d86675e92e9c",
        .sai_b =
            "00000001000000010000002c010100010000002401010000800b0001000c000400015180800100058003"
            "00018002000180040002",
        .idii_b = "011101f40a370002",
        .idir_b = "011101f40a370003",
        .xi = "349e8d0e092dab2ec169c2e192cd05118e8f6819defb3c1384374691e55815013f59ca98cf31a9af3bb1"
              "a04f8ee628e5a7e44e7f57b6e35bf7a07b13eca2c0c1d701cbb389d129f8350699a02e27509a06c7402d"
              "e6007cb283173c3579467a13aa9611ebeae070ebb0a0552b221895f3fbcf23304eb405cc680e3c188ed5"
              "c274",
        .xr = "2197c1f53ee8bbe010f73b2b5c4c1daad34a4c09ff16666b66a3ef621fe789d9b61690323559a226ea3a"
              "62588ac962fc8265b0df2b38e03787818e83bb7e6ef5589770e373ad84cd7d961d28c2a15f6c200cacb2"
              "50aa9a77dab451ece58c00c28776cdd40dedcca319a39da823a82501261bb72946aff7aaa6cfde9c995a"
              "66b4",
        .g_xi =
            "3bb5c7cea3941d467edc9a23f76e9cdf95a92d9408468e5c341c26de3ae9869c54fcdc59031f8d0866b7"
            "2e65c71f52b0511c72a69a8e4627af765936c64143b6e49633d9a6e1ad1d6b7ebe111587833a0e28f904"
            "8d0736a3695009827d060068aa2c53bc4ba5033dfb3d4246022898be26e80bafe7b2120b21a1a5f0cd23"
            "1a58",
        .g_xr =
            "be3138ded0962e1284e93547fb1facb21f407de8ca8ee0464bf8fa3bab4a3802dbf2fcac75cc15e6369f"
            "554902fd089eac8563e0a2ba9d15fb30692746c4bcb04061262fc16f8db9905dee793408cc828ff58a6f"
            "ef4bc46abb3ed16850ae68219bb93b3c020055a9081751d163d0844e28295908efdfcf05329f9f08561d"
            "8e5f",
        .g_xy =
            "57b3895b42c2ea8bee717e3a2560296709aba7e9332c39a81ce541407a59bb2a22f1a82a08e2829fcb8f"
            "305536b4312d493312d75ae864925ece48b8845935cd4d97d243f81807c53cd9fb72beb849ae10eed8a4"
            "fe39278a8688ccfec8a326e429f0939fde71d1c890f53bad0598f4de1d62b0d95186c76fd3dc0bd5a60e"
            "2b1a",
        .skeyid = "5602998d961c50b4a7c0c378555b4bb4",
        .skeyid_d = "b5737f873e72f3ab06cd023a42cb3ba1",
        .skeyid_a = "ec75106e49ffecbf5f3aa310baf2685b",
        .skeyid_e = "bd29612445c40ca2e6dff4c5a451a1a9",
        .key = "f3c9d9bd49ddee738e7abaf55ae0808a6189b735f010d5a5",
        .iv = "4eaad9efd66a5283",
        .hash_i = "f1c146076a55ff1ed3580b4172be22f1",
        .hash_r = "8a5d99927e0c380d6de19835086976c5",
        .last_block = "91e088fa9988b0fd",
        .iv_before = "f9e88556e9d51330",
        .sealed =
            "2415a8c3c5e6ad759116451ee49ba61e776287ade667c79b60a8334789ebb54291e088fa9988b0fd",
        .opened =
            "0800000c011101f40a370003000000148a5d99927e0c380d6de19835086976c5ff99e9a29de0f907",
        .info_id = "b407d206",
        .info_rest = "0000001c0000000101106002f6d93d503079a4185a793a55b40af5a5",
        .info_hash1 = "ed524e428336f6ab1bc4f833ce5fb851",
        .quick_id = "e560ad67",
        .quick_iv = "479652b8f9742251",
        .quick_ni_b = "8abea6391f0414c04571b50c10121e8d",
        .quick_nr_b = "d2db1057b112c49695ab62a798d54046",
        .rest1 =
            "0a0000340000000100000001000000280103040109cc96940000001c0103000080010001800207088004"
            "00028005000180030002040000148abea6391f0414c04571b50c10121e8d050000848cc17bd6a83588a7"
            "a5125f2325fe037cf517c419ed5431c60ce5671c6715f44dabed71db7edf3b683b702450d1b6c09ce422"
            "0e13d50cb29759ae6d0605437856b878fc002f81a905f73a83534b3a9929e673d9ef2102f044dd098096"
            "b405f269adf585301a61dd3a3b34d60965cead2395be1064abc243bd60b347887577e7d50500000c0100"
            "00000a3700020000000c010000000a370003",
        .hash1 = "db754422db9baf2585a0fdedb8291627",
        .rest2 =
            "0a0000340000000100000001000000280103040102fb29fc0000001c0103000080010001800207088004"
            "0002800500018003000204000014d2db1057b112c49695ab62a798d540460500008454dd338bf1f98706"
            "9f0400f1562d90f0a3455d3a9a8fc6cb0da5c5d5645b34703c7261a1353ffd11cbed8ad196158544fa4d"
            "d6c0577c26ca715613c294e822e55a867cc251c276ddd4a82bcf701f50b0f4a67e2b8bd7b35414445a76"
            "457d5028c16396c32eac534bc8f3d2c182f5f400c6edbd9e52a6b797fdf57bd627d530a60500000c0100"
            "00000a3700020000000c010000000a370003",
        .hash2 = "b3799eda0d482107970d76585eb93ceb",
        .hash3 = "49b0747d76be77dc4267ef54f294e77b",
        .qm_xi =
            "3517ee8b35872c54acf48f596831ddeb6ab1ef6509411620a97f59b3b94b54fe68e43a9ffa2b03981c95"
            "145e9c86244d08bd0e21bdbe51996bf7cade8c466ede5298411358b1aa62dffa6adde320b77cf29df086"
            "913e526d945a23cbab61494df8e2dfb5e9fd7b50ba59f90e512c88f4f2c7af4a68cc2fb6e514b80ba8bc"
            "cd1a",
        .qm_xr =
            "237656ed6f4f85f5b3b02f3d17c1ae928d33813c52b5297e1eab0bd1c144951965b785a1aa362d924648"
            "ccc9b2ed1c7e7cea7f5aa2bf7f91e95fe7200287bb0436bee5be7c2e90a7285e2f554b6c79012f39e16d"
            "712807f2a9b1972a7058fa70fd7fb39a4ccc6dc4760cfb208932d70dc71d31fe62aab9d1932dcc0c79eb"
            "af1c",
        .g_qm_xi =
            "8cc17bd6a83588a7a5125f2325fe037cf517c419ed5431c60ce5671c6715f44dabed71db7edf3b683b70"
            "2450d1b6c09ce4220e13d50cb29759ae6d0605437856b878fc002f81a905f73a83534b3a9929e673d9ef"
            "2102f044dd098096b405f269adf585301a61dd3a3b34d60965cead2395be1064abc243bd60b347887577"
            "e7d5",
        .g_qm_xr =
            "54dd338bf1f987069f0400f1562d90f0a3455d3a9a8fc6cb0da5c5d5645b34703c7261a1353ffd11cbed"
            "8ad196158544fa4dd6c0577c26ca715613c294e822e55a867cc251c276ddd4a82bcf701f50b0f4a67e2b"
            "8bd7b35414445a76457d5028c16396c32eac534bc8f3d2c182f5f400c6edbd9e52a6b797fdf57bd627d5"
            "30a6",
        .g_qm_xy =
            "e95f3c929917afad1fac908bb15fdd94055ed9418ef27e0f9c7cf91aa84b1711622f00b248de1cb7aaea"
            "c958d98e3e6cbc39489d5b7e6af0b643e261dcd554ff2ba846be821ea8176ecaf4cb63f37fc5f6a77ae2"
            "2c62eaf06fa140803feb4846b367f3bdbdee7a87625543cae3c4e0c71a06c125622d07046e06950f580a"
            "87af",
        .sa[0] = { "09cc9694", "ae098178532f9a4bdf85d398c941aca58ea596a13894d977633952796da09c78f63"
                               "0bb1229d68b89ae0d"
                               "5df176332d08cece02fed6fa4302e8c41d5fcd26b984" },
        .sa[1] = { "02fb29fc", "96fafe59f7f430d3d02b59eb19b26c53edd9dae98d2a7e2588d3bc1ad544928c259"
                               "722b8227c4c2d6d0b"
                               "951457a1fbc9a968066cbb79ae2d69192e8197dfdf65" },
    },
    {
        .name = "main-psk-aes128-sha1-modp1536-pfs5",
        .digest = DIGEST_SHA1,
        .cipher = CIPHER_AES_128,
        .group = DH_MODP1536,
        .psk = "6777656a696d657a79666f706d656b756e",
        .cky_i = "ba57f2a369584658",
        .cky_r = "609767d79eea7e1c",
        .ni_b = "a0ae000468708cf9414db5b9a75d3d70",
        .nr_b = "c58d3df45f9e967cb3f193de4cf28250",
        .sai_b =
            "000000010000000100000030010100010000002801010000800b0001000c00040001518080010007800e"
            "0080800300018002000280040005",
        .idii_b = "011101f40a370002",
        .idir_b = "011101f40a370003",
        .xi = "9c1878dd6980ac9ef91360510faa20d627f573ddb08f2bb92e",
        .xr = "a7ef3b31cdf04a94d8180a3fffa2dd9b5854364e7dc4556275",
        .g_xi =
            "2b196571e7baf70cc666c5f1c7e709a2bbda813d2035067ca5ef2946f5de26e0dad9f816c3617ae153cc"
            "20a8b12bb7a3e3c3aca2af3d44cbb6b6a424eff23b8ffac713949d13e925e62f758a463687f2f53ffbeb"
            "6d126957c64a817af0b62ec3ebcd3e9d486277a8cdbf09bfa20b9540ac1fd19479e52e700dda46e97942"
            "ce2fb73165060bb9e50fbc6e1238bfa1641e3af0684d8ce04f4d86a9ca3ee2299f395beabef70189b19b"
            "5de1c275f96d33309334a0063614b737b98843855606fe29",
        .g_xr =
            "a5c5d37573cfa1e25074d1bd911f52aa51bc5c39a61b150a5ca93e28f75428d3f033fd8e23c53fac3441"
            "3b769fe7f0571ca8daa1ea9528c0e5e310f3eff50177575670a0fc905c34c30c078335ea856a8a988db6"
            "b820aa1dedd4b83cdaf073a328e58aacdee79bf1bb2bad58ebd284e811d9e9bc1f6e640045e293bb8415"
            "9c51c72bc64332cf88e08204dd513c2179520d7c4323797607f9766e5580fbf3e86918d2ed48ec177d31"
            "4cfe6cda164937c76a9b0737877c8e49a5cd3eacb7defdbf",
        .g_xy =
            "04376573c70beb4a1e24e72cbcb7a7846d4ba45cd2c1f210069dba1b4cb35e4fe157de39a257d1d3bd98"
            "fb3521007b22cacf7ec857f3c35d2e4e62ba42b9cc15e8cc6f012fe8b7f8a50e248fd1a852ce67a5874e"
            "ce12ab8289298ea64aa52919deaa3b0bf1ce9b087336f6bdb938bd04a3ede82c04ead05e795d304cc355"
            "d184a46e8bfcc101da08e5efcf5d3a8668cfe44e9e9db2fc121ece1ac5029db0175414360d45e7f2d4c0"
            "edbd653f589570fcec2e52495047671a1cd12c1c54655e15",
        .skeyid = "8460f361cd69cbd6ac43d888500f720228bbac2f",
        .skeyid_d = "f386f3ff355bb88bc61995bf5d32932b8c6db208",
        .skeyid_a = "f940a396a3c8995874e54567fcf4ca72e5b3fa36",
        .skeyid_e = "0bdf744b62c49862f05f6feda431e7d8a2472b0b",
        .key = "0bdf744b62c49862f05f6feda431e7d8",
        .iv = "9c7894e0e67a5bc247d9cba73bb7982d",
        .hash_i = "7436d39ce4eb844bd2e1017a9579baf986211ebb",
        .hash_r = "1481e752df9cfcfb8b2db0a23dd50cb7e953711e",
        .last_block = "af7f2eacbba72d87fa7c889f317e98e4",
        .iv_before = "6b13db1560e49116ebc20865de9408b3",
        .sealed =
            "0032b8970c6f5e4aba60a4b85a19080074d301e25aa5fa7add021f8e52475d3aaf7f2eacbba72d87fa7c"
            "889f317e98e4",
        .opened =
            "0800000c011101f40a370003000000181481e752df9cfcfb8b2db0a23dd50cb7e953711eb3f293e9a39d"
            "b4c087e88d0b",
        .info_id = "ccdc820d",
        .info_rest = "0000001c0000000101106002ba57f2a369584658609767d79eea7e1c",
        .info_hash1 = "e53b2e817f9a8b5ef1bc31e740e253c90abb987c",
        .quick_id = "86158475",
        .quick_iv = "2a2c89f8678fca6325fee78fc6fc45c3",
        .quick_ni_b = "eb4065132988ed59e9d8212758b8bb35",
        .quick_nr_b = "c984d1fa9c157ca62f990b3458283d0c",
        .rest1 =
            "0a00003800000001000000010000002c010304010172e4cc00000020010c000080010001800207088004"
            "000280060080800500028003000504000014eb4065132988ed59e9d8212758b8bb35050000c48693970a"
            "06b6c7f3b8866933eb18c8b3539c48ff31ea4dd8f004bfe68516e7c9313c8a99adb2d1ab10609a77f86f"
            "e74f6bd1fb1f37f5285d8b8bf19417e6639f3ea3c41f0f844be7308855841ec401a37ecf6549ce192a50"
            "f3ab056bb21ffd746a570bb07201e324ae1c97ede34889dd0df1b5aeb9ee24d017846e7c61e0376c5b75"
            "7e79a465809c9a3c52903bd45b2e44e1c69a9602f0d2acdde0ad108e916cefc38e0437d53d6e199c4df6"
            "5cf1ba6b498d5730788933a963a5e7f2f66f66560500000c010000000a3700020000000c010000000a37"
            "0003",
        .hash1 = "f972a571bd2bd904eabd86350efea851f10a82d4",
        .rest2 =
            "0a00003800000001000000010000002c0103040101d5dd7500000020010c000080010001800207088004"
            "000280060080800500028003000504000014c984d1fa9c157ca62f990b3458283d0c050000c4ad1da902"
            "3a752bb6bad0542eb783bab6bb693def1f13cae10ab9d60b4ed0d96a04ba1531f7dfec4ad962a32f17ff"
            "f07481a21ccb9495cafd1d86aec57afc84e494a3cef4186a6369a46784e565ff402adc7547e732eba748"
            "86a8b2211c760ec3f54e7f4e06fe521bf654e279501460bdf5eaab9624c6057afc45bfa801028e6837c1"
            "7b47413d2eabf81d4926d57a674458174f082c3ec91b3bb60d13ea2a0a983b1b3bee7508dd9165aa758b"
            "3625d9bfb8b93bd099c9f727f72cacf5fa81b65a0500000c010000000a3700020000000c010000000a37"
            "0003",
        .hash2 = "2519b860bdbab73ee0c45da28a6ec334bde6ef83",
        .hash3 = "3423f607db2f9d98171afccf8d9f3aec76823161",
        .qm_xi = "0e113a3c1335ec1874909303731e5e960a87fa89ac3a0e8ccd",
        .qm_xr = "98021c473e83117a7c4677c394222dfe212a5bc8ccea7d5819",
        .g_qm_xi =
            "8693970a06b6c7f3b8866933eb18c8b3539c48ff31ea4dd8f004bfe68516e7c9313c8a99adb2d1ab1060"
            "9a77f86fe74f6bd1fb1f37f5285d8b8bf19417e6639f3ea3c41f0f844be7308855841ec401a37ecf6549"
            "ce192a50f3ab056bb21ffd746a570bb07201e324ae1c97ede34889dd0df1b5aeb9ee24d017846e7c61e0"
            "376c5b757e79a465809c9a3c52903bd45b2e44e1c69a9602f0d2acdde0ad108e916cefc38e0437d53d6e"
            "199c4df65cf1ba6b498d5730788933a963a5e7f2f66f6656",
        .g_qm_xr =
            "ad1da9023a752bb6bad0542eb783bab6bb693def1f13cae10ab9d60b4ed0d96a04ba1531f7dfec4ad962"
            "a32f17fff07481a21ccb9495cafd1d86aec57afc84e494a3cef4186a6369a46784e565ff402adc7547e7"
            "32eba74886a8b2211c760ec3f54e7f4e06fe521bf654e279501460bdf5eaab9624c6057afc45bfa80102"
            "8e6837c17b47413d2eabf81d4926d57a674458174f082c3ec91b3bb60d13ea2a0a983b1b3bee7508dd91"
            "65aa758b3625d9bfb8b93bd099c9f727f72cacf5fa81b65a",
        .g_qm_xy =
            "bb636fd525e29a7b3f7e16973a5508874a0b6346915506ac42b5f75b4e5db6b4d28f515734fa8e247461"
            "92019870018270f92c2fe8ef8a0937b206d838c88fa163e526eafb3a6c6114d93defe931c4215648a1c2"
            "c20f83ffd4b41f99ef8cb560f1c1a649ca952899106cbe41fc53e61073609b8345b9d3c275dad2ef808d"
            "81b5a4663f90a38a2a45c7f0aaeed6af169e46cad400799609c013987b0158868e5debc5b36b0ed1cc0b"
            "9c3d2f77a240ca194e909d6e737dbdf72a5a18fe0d65c568",
        .sa[0] = { "0172e4cc", "991752c833b378a3eb73c1e9cb07194ceefd7ac8647f6716321ef4122e336b73b59"
                               "b5cf00a53a5a8e55a"
                               "9b0ad969617c99f7dea85ffd5cdd79606589" },
        .sa[1] = { "01d5dd75", "d27277929b4399a2557f27c075ab05e51c75cc72e63dd9302cf640816212e11b8ab"
                               "bf58890430428f8f4"
                               "3dd1c9d011898bd58b1c59f94f3e8f24c517" },
    },
    {
        .name = "main-rsa-aes256-sha1-modp1536",
        .digest = DIGEST_SHA1,
        .cipher = CIPHER_AES_256,
        .group = DH_MODP1536,
        .cky_i = "a952e22c03b825a7",
        .cky_r = "4f886a959aa2b8d7",
        .ni_b = "86686dc6ea4db0f47e57ee1390af2188",
        .nr_b = "c8c203dec77c90320f957be0e9959130",
        .sai_b =
            "000000010000000100000030010100010000002801010000800b0001000c00040001518080010007800e"
            "0100800300038002000280040005",
        .idii_b =
            "090000003032310b3009060355040613024c56310c300a060355040a0c034c6162311530130603550403"
            "0c0c67772d31302e35352e302e32",
        .idir_b =
            "090000003032310b3009060355040613024c56310c300a060355040a0c034c6162311530130603550403"
            "0c0c67772d31302e35352e302e33",
        .xi = "a269ccaf04180c6d8d2ebc285c8c3da3c56bbc0fb18c896ff3",
        .xr = "dfcb1a2aa8c9ab964cb7f706269f95eff6a3088edf5b0abee0",
        .g_xi =
            "dea4d906ddb2f053a51f4162f55ecf010b632c3876b38520898fcfaf6f67645c4e736b9bb986133851a5"
            "abb03d2d31940c1c1e36f59ca5dc5e427fb6fb0ecd4f93df839cee3e0ef5418c8a0043a2dfe19bf67fd9"
            "9d00fb82f2301c919b85fdc3e48804fc7d2b76ec9dd5ef3291387c78d62f3bd7c9f9c631c4eba9e90a9a"
            "bba5ec17225599c7c09f16f3bdec42d68ff330f725463623a5d78a9ca629159f5e97106ba27c58e9ba3e"
            "887ae2420043fb5dcdb56d75e68eb9384aa37eb716154a03",
        .g_xr =
            "db70435b8bbedb71a785ab74e1de3d9980508695008077bc8e38d5d3046dd2ce077c5915a0aa0e7ee16e"
            "650001c8e2204dd3c57a24301821627d47bcb4d2c1113a8be577485f7f1c5397f395c7bacaa6de1714ad"
            "791d8ec3f17ec8a3572ea3d51cabaa2bcf73c47c0e1a9dae14323e1e29a2ad634ea6f581cd01d503890e"
            "255278c7f6881d92a08a357c01656570dac84e7e70583678c82008bb629d5378657fe02a3aed30e655e9"
            "ddc113dacdaa2c38d6a5895d5ed83458d5e906d84b3f86c0",
        .g_xy =
            "18265f163d9a6091ea38fab6e451089555c38819d8a45990a1d558036f580c82b9d7d5b21e08f6804756"
            "0ca8cc18daf6f1c3aea46b3ed06f7c5171cb5b1dc2bf8ebdbc495b394799be283461f3dd1d590b2839e0"
            "74df75af4eb7f5d80f99c7e26649317dff0e1ee233873f1f74ea3c1d551e20733346868c14ca509e8850"
            "3afb94352a535adf437dcf460c90696336e6f39581ff0d9c526e19761da761b6bc5514c9548c0ed2b7b6"
            "eb984ee803f99d4ebc2b8fc7eb819920cb779783d651bd0f",
        .skeyid = "74a37b16ad8d53437d6133faf38663f42ac26938",
        .skeyid_d = "591af090b5e11a94ae94d7bd0a14f3a57b3e694f",
        .skeyid_a = "3252fa44a61f27ccc0b389c76ba2945b8ff79771",
        .skeyid_e = "ca1b0ca025062c059282ae893fa353b4a336c5f8",
        .key = "43a299f0b0954c7a40efa36cd1ecdd3aa004f79e279f7dde58cb4a8fa767af2f",
        .iv = "396cff903521cdb6761a78285b6ed2ad",
        .hash_i = "48de1884fd56b1fcfbda204fb8a5c03f8b60c7a4",
        .hash_r = "d6c9666d64b75c52f5daab63b62ac90c17df70ad",
        .last_block = "cd4351c5b22db308523dc09fdd7f27f8",
        .iv_before = "50466d4e4326e0b80e36bc2bec72a168",
        .sealed =
            "be54d975ee09e778ef020f2d0b6723df8aae7582687e9fa47b1c19f79f101e7784057a170e961d6e9dd5"
            "88904354e2de34d1f5c5d443556d5cbe9cf745fcd85a",
        .opened =
            "0b000018951d661fce2b94cb0204bfe84d83d95d5e132b160000001c0000000101106002a952e22c03b8"
            "25a74f886a959aa2b8d7d49ce3a3c186dbe9d4f5ca0b",
        .info_id = "ecac6e66",
        .info_rest = "0000001c0000000101106002a952e22c03b825a74f886a959aa2b8d7",
        .info_hash1 = "889568b7a844f0a5072790a32de6d9c8eb0ee788",
        .quick_id = "f1aa99b2",
        .quick_iv = "c2ba6c72ccf56043bfae051418132035",
        .quick_ni_b = "e8bde76493de61fd37432cf78ad33c0c",
        .quick_nr_b = "a1eccda693d558e92715332d43261459",
        .rest1 =
            "0a000034000000010000000100000028010304010fd548af0000001c010c000080010001800207088004"
            "0002800601008005000205000014e8bde76493de61fd37432cf78ad33c0c0500000c010000000a370002"
            "0000000c010000000a370003",
        .hash1 = "e0826099cd87f0b82bbdcbcc8455137da4170031",
        .rest2 =
            "0a0000340000000100000001000000280103040103e3b6690000001c010c000080010001800207088004"
            "0002800601008005000205000014a1eccda693d558e92715332d432614590500000c010000000a370002"
            "0000000c010000000a370003",
        .hash2 = "3f0eb2b3887420cd1ef21182668672e9937f3949",
        .hash3 = "50a03aef49af772a93bdae6bf5db2dc2c1eefe3c",
        .sa[0] = { "0fd548af",
                   "6621fd6e76cbed24fc27400596f8ad75a0689ee56671b114d3856b0126b82ceee8c845b9c5f564e"
                   "4a270"
                   "2edb43eac42e6deb51efe30314ecf4204978b0d699d8864bb5eca83a6e13c6eb5cef23848162" },
        .sa[1] = { "03e3b669",
                   "8495ff290bd80e372adc0065e3dc5c0c155d253333022b91465ea0ec3fafe149211e5e7549bc9a8"
                   "a1f8f"
                   "1b033d5c32aa98c89af32e037947594abda63fc427c21054ff89df9757035e487b3fc15b9607" },
    },
    {
        .name = "aggr-psk-des-md5-modp768",
        .digest = DIGEST_MD5,
        .cipher = CIPHER_DES,
        .group = DH_MODP768,
        .psk = "6777656a696d657a79666f706d656b756e",
        .cky_i = "5e18bfe47ab2609b",
        .cky_r = "bc78813b200eed41",
        .ni_b = "bec9dbe4628b04b9ca7948958722c906",
        .nr_b = "901bfc9407fc38068118c3ce2c28e435",
        .sai_b =
            "00000001000000010000002c010100010000002401010000800b0001000c000400015180800100018003"
            "00018002000180040001",
        .idii_b = "011101f40a370002",
        .idir_b = "011101f40a370003",
        .xi = "39d5b13525b5f5820a231e1d4839fab2749c182bbfdf58e4699b1907e109bab626672e1a48bbc2d1cd33"
              "795b0e0480d707aba66f5434dcd99c1384c993b3bf9aa6b493766120620b5473f5ef325b49508578afef"
              "520802166ef78481b2645fac",
        .xr = "390efdf15968ce7234bcef2f1a723b2b9104bafee697900ac4e56dc73b48ba0181794c83cefc2f2fd9c4"
              "6f8b6fc54c979c070d6e590dfa836de79e8074cc302eff14e5004d2d86fb9f84cefb1c66a3533d70bc2e"
              "24b99b414b11bd320351622a",
        .g_xi =
            "4913f86e70a4bd845f5933e0a582125cbb7fee592390f8536f63f250caf7a79dc703cc5293b6f7859a6b"
            "a602165ccc5bb5b7e176ec2e77032e855e11ba4dace5e2b96e5111151035c0151f64f2e71c3efa07f607"
            "72faac91b06d6d19726fd754",
        .g_xr =
            "975a3cb5baeaa31d0fbd35075bf58e64d2c2bf1e469545c0b30fbf07fc57eb4e1ec1c11f35acc3f92658"
            "b4f17c3094fe5a837a208addf05c3d7c520d308395755c45b8ccdeec0cb09bcdeb2ecf3b07e7402134de"
            "fbfb28a46a932ff456318a81",
        .g_xy =
            "d6fb413c706629c94b4ddd19f86f39ddc146f3eb79119b885eb6a63a6815f98385de7958bfb462bf83e3"
            "b55da70c1127d37cd2119f83941a8f9b74bdcaac74bf7bf3bd95aae8e854b2fb416d582ff3750f1b5bb7"
            "07f468fd67110ce22f05e326",
        .skeyid = "7ea0bf27bd7a7afb574aabf5611240ad",
        .skeyid_d = "1d37197dc32d86e9a7f5cd3344167deb",
        .skeyid_a = "a9aeb71a4970370d68b9b00424b0a483",
        .skeyid_e = "c8a727bc6be2049944eeea46389381a3",
        .key = "c8a727bc6be20499",
        .iv = "3058f38ae04d3ef7",
        .hash_i = "e549ec1e9c7dc9286a105544743fda17",
        .hash_r = "6333d57491609502f20f54afc0db3960",
        .last_block = "3058f38ae04d3ef7",
        .iv_before = "5cd4003993cd8f47",
        .sealed =
            "d563510c558571dcce11785467fbb2d9f6cd281897664bbd31e4f6e6b91e2c81d0a900527a69002df2e8"
            "aec3a4448b02012914d666c411a0",
        .opened =
            "0b0000147cc1b388a533261b11973faf052590d20000001c00000001011060025e18bfe47ab2609bbc78"
            "813b200eed41fdb2cafdaa95c307",
        .info_id = "9aaa6199",
        .info_rest = "0000001c00000001011060025e18bfe47ab2609bbc78813b200eed41",
        .info_hash1 = "0d82d4449bccee53799b8290e8f4c2ef",
        .quick_id = "d2637d24",
        .quick_iv = "ec1bb90c5e6c2c2c",
        .quick_ni_b = "dbf6828cbf6f6626d28ecaea992700ea",
        .quick_nr_b = "d82ad88d582a02fe731fbaa08d2085b5",
        .rest1 =
            "0a000030000000010000000100000024010304010fb0869b000000180102000080010001800207088004"
            "00028005000105000014dbf6828cbf6f6626d28ecaea992700ea0500000c010000000a3700020000000c"
            "010000000a370003",
        .hash1 = "0db0bc2f882d08cc03dca1d8805de090",
        .rest2 =
            "0a000030000000010000000100000024010304010bf87786000000180102000080010001800207088004"
            "00028005000105000014d82ad88d582a02fe731fbaa08d2085b50500000c010000000a3700020000000c"
            "010000000a370003",
        .hash2 = "fda63f739379eecde208c909962ecf68",
        .hash3 = "1bfe117749947d9f219e9f8f20e91038",
        .sa[0] = { "0fb0869b", "6c32375469aedb8c5c0b895a7c3da332e0a8046ca50404fb8bec0cd048dc2c017fe"
                               "b156918be1b06ba10"
                               "be459961809e" },
        .sa[1] = { "0bf87786", "3efa048ded464924ba17be1395efe20e1d5b89297bfb2ed4587c786defbb8343c09"
                               "fc2f24087e3384c30"
                               "a6c58e04abf3" },
    },
    {
        .name = "aggr-rsa-3des-sha1-modp1024",
        .digest = DIGEST_SHA1,
        .cipher = CIPHER_3DES,
        .group = DH_MODP1024,
        .cky_i = "ca421316048e20c4",
        .cky_r = "7c6769a6da2dac1a",
        .ni_b = "c9ba46336371d5241b9778a614a6b25c",
        .nr_b = "e86e895818a6cb2acf2afc691bf1b854",
        .sai_b =
            "00000001000000010000002c010100010000002401010000800b0001000c000400015180800100058003"
            "00038002000280040002",
        .idii_b =
            "090000003032310b3009060355040613024c56310c300a060355040a0c034c6162311530130603550403"
            "0c0c67772d31302e35352e302e32",
        .idir_b =
            "090000003032310b3009060355040613024c56310c300a060355040a0c034c6162311530130603550403"
            "0c0c67772d31302e35352e302e33",
        .xi = "37b2a787903d25cf6ae6ad5623cc752509012d0b5d120b40a3ae59621e546c2afb458494dd9437bf767e"
              "785f157dda3ebfe9294519b7aa31d678d4309d8258ad11e3dbcce3ccbd7a38446a0c66dff2983688108b"
              "12850f946672cd0080c045ede843068acbd8e033747ee04d069f18c8a8d6114f89b26ec96fc8ddda7a83"
              "1b78",
        .xr = "29edaaa2206d18534f9b99113179bf022ea81b229327cd349d34785b3751927a13811803ebb49702c5b7"
              "fa7aa9ae469b04fca52063063fd73f71171a657663cfd23b89266a78a418ba2760ea06a1e46d1f59feea"
              "fd6f690c58aa0d1835704f2b24c9c70d81d25d223d8b065260765601ba014c53f710fc703454d85c7225"
              "a57d",
        .g_xi =
            "e5f720f4f69eceb5edc15ff908c1d5401ee53c082ab8cc5513fb6650d66d85d33723a5ef584f3e75b915"
            "1a830828d50b43fef4e9a16c49fcc974b5abbd51eba99184e3baa575b1cfb016557c17607c536bae2797"
            "38b39239da09252097649eb5a30f853b1407a7670ce050eea1edd346b7272f6cbd732fa4f48b92eb615b"
            "5f9b",
        .g_xr =
            "6c7fb44dd98ddafd814d88d8453f7a8bc4e15f16a5e380c21279db93cb5226f5e8e918c4cd6179586176"
            "2a31851b0278ed51bdd87315690b9475c0e22675cbcf26d529d29e09b1b8e94bd58f33b5c277be41c8e1"
            "d08a193f9a636f3ae2b8edf29613bd2a73399c9d09caea8836985759865118534452e5412d7073350126"
            "0d31",
        .g_xy =
            "9398a9c5f3abbcc2cb146373fe051b0f59870ab1b1f1c148948cf7c9e819178d3d87572e4e6117657af2"
            "b983ae12ce8fb0f734b39902059ad87ee2a525831b76c35809c10dbc5c880bafb619cec464acac93a723"
            "af281018a7eeb595c33768fef5723f00013d97283d0406f6ecc6708987eec487d1f5d49ef65f7788c4c5"
            "3893",
        .skeyid = "8645775f76879522f2687c5edae69d7a70b353a5",
        .skeyid_d = "f8f98644e5559b0a2be6b40cc0dcfb7b53cdaae7",
        .skeyid_a = "a82e16aae3e3165b260e55781417c364094c2cdf",
        .skeyid_e = "97344676e89362931ae1b2f497d86bad372ba12d",
        .key = "a4882a7545100b35745592725a306ffd25b5e436c5c5ba26",
        .iv = "10117f841d68c0f3",
        .hash_i = "72910361e569fa39a76e663225215a871e2f4752",
        .hash_r = "fcd5966eab5788ee581791c9eeb93ebf1c2e4c3f",
        .last_block = "10117f841d68c0f3",
        .iv_before = "1480e6f502126a9c",
        .sealed =
            "0b5e26ce58d4c0fac2ef45819986d392986e98bf03e925e799d363c819e348c633fca7af373e9ebc47b7"
            "7df57a6fa73f88183d41ef776dd7",
        .opened =
            "0b0000187f65db0296f09ae23c841eb281074036b1f449610000001c0000000101106002ca421316048e"
            "20c47c6769a6da2dac1a90c48203",
        .info_id = "e1c0ce85",
        .info_rest = "0000001c0000000101106002ca421316048e20c47c6769a6da2dac1a",
        .info_hash1 = "1c5a90df6e41c16d2d01a7e1e68f01dc739d055b",
        .quick_id = "c57e7036",
        .quick_iv = "40a89124483f4060",
        .quick_ni_b = "bd5b8f3cfb7f4dc758ecc91f935c6378",
        .quick_nr_b = "9fee64a081f8073b6670b7864d3c8e45",
        .rest1 =
            "0a000030000000010000000100000024010304010ec4c309000000180103000080010001800207088004"
            "00028005000205000014bd5b8f3cfb7f4dc758ecc91f935c63780500000c010000000a3700020000000c"
            "010000000a370003",
        .hash1 = "29f3da136ecfddd089f12f4b34a3e2a61ca25fcf",
        .rest2 =
            "0a000030000000010000000100000024010304010a9a663d000000180103000080010001800207088004"
            "000280050002050000149fee64a081f8073b6670b7864d3c8e450500000c010000000a3700020000000c"
            "010000000a370003",
        .hash2 = "abd6c174535ec9aa1b87c4616aff81c728658c6c",
        .hash3 = "9b687f75e30c0426542d11d9c3a2bf8a89c10b27",
        .sa[0] = { "0ec4c309",
                   "d251d5b86d422010b3b932f4ef7a96944af22a41f4b485b2eb3982568f4569fefe2b11ec90f5a3c"
                   "56b82"
                   "ef13db100c029c60d8ef2c224feffd3fade9d318e8f4f6316ce7f0d0adaa54ba5c20f0f826a7" },
        .sa[1] = { "0a9a663d",
                   "c77f5dbb0f76544a51791e32d490260a9b5c1a9c0a6683702b26acf22bbd53bc8bf8fb22848b010"
                   "849ca"
                   "d25753ff715f94d1507f7ea8cff49f5f87b1568f7a264625dc26bcd4ae2fe042d1ef1e276486" },
    },
    {
        .name = "base-psk-3des-sha1-modp1024",
        .digest = DIGEST_SHA1,
        .cipher = CIPHER_3DES,
        .group = DH_MODP1024,
        .base_mode = true,
        .psk = "6777656a696d657a79666f706d656b756e",
        .cky_i = "d4f9b4f199d6530c",
        .cky_r = "0921ca9b661ff902",
        .ni_b = "93810db9fa84860fd006fd1604e17ae8",
        .nr_b = "e49152531d6fe8dc6ae5a39a48a05f27",
        .sai_b =
            "00000001000000010000002c010100010000002401010000800b0001000c000400015180800100058003"
            "00018002000280040002",
        .idii_b = "011101f40a370002",
        .idir_b = "011101f40a370003",
        .xi = "2d5009401321eca408f51d863ec72e24049b16bb8a90070bb2d784293380e32a7686ba2f9eeb9cbafe9b"
              "e901cd43834e6b5b15e852903ff850c86ab005b6077d76f8b945f723342c9541ba9af29aeecd34cacdb8"
              "e0219938b1ad38157b204a2415d771a99e4d067ff1aa9807c3b0410d52a6183c78310b6d2ee11afe02fd"
              "fd8c",
        .xr = "239779b9a2a0c2c551b2e16750d2c48b075da6698f96dd6d09b492c250fd3a64a424231b5985ea2478f3"
              "8b269a5445c49dc0399e39a31390477236652447cd6a540099cf89dd71e6e7ea7a4da59597c6207f59aa"
              "cd7a04499f74bb8b2a1b7ec05efc69c088f04734fb6c364e2a93dfa7c11179d423aa2885d4b937fd0108"
              "120e",
        .g_xi =
            "ec2255de26c47b4dcb45b04a0a2b064c0b77bdc4a2bfba75fc71a7fcde1d609b0b539629e629d638b3ac"
            "a828f4f0d4b54e6c943327f915bc5f5db65ae9192ef59dbb1e0dc297914689df2020c72b2f340bc892e2"
            "b6bef472dcc97496ae3c5217aacd4ee136117ea5488235fda276d68a967923ef670fe43780846305d57e"
            "83f4",
        .g_xr =
            "94c149266203b1a883d8e5d6697ca73c9345640df7aaad81de7950d2f06d6f64adf9cd4fcae2f37d6fb6"
            "8fd73b96b09b36d1fc1cd31d8c62e5f471e23e06d62b43a0c95f931fd586e69f3bdcad925b69c6aa7c78"
            "11b6bc82442bb047c09f59dd624070af65f5b044817f863f33789e64ab89923aaeecb8444feec24dcbee"
            "5f10",
        .g_xy =
            "58ef274cc82e044e740f4958875b1c13c5791ae005bfe2f2daa92fa4f7b0c79d5bdb8f0545444efa20ac"
            "0b354db26b2066693c61f54ed1d1a25f6d8990a437eb240f1e5477ba2e439a4fdf774243e2537b05d0f3"
            "f3b3b49d3967424d8d36211274bb29bb06c460bcfe0170c4ea5c5a85ceca7e84606bb277fcb01a1f7bf2"
            "ff97",
        .skeyid = "a60514b664f358084157586485cd25df6ce09f09",
        .skeyid_d = "f6ef35ff0b4dff75d3667ae19c3e09c706f9bd2e",
        .skeyid_a = "35e017aff56d6fbe1c04500b4dd3576c956d0c05",
        .skeyid_e = "c093565df9e27f0c90b97c07c6da6206e7ec13df",
        .key = "911048792b3161de165a386a8d69974ac2f0139c4756924a",
        .iv = "c0eb92864ae41aaa",
        .hash_i = "123c49efad1de9ccb47a7890bee588d287ec9dcf",
        .hash_r = "e1f7c9b3f6869f6600ae2f145fe7944c5065e8a7",
        .last_block = "c0eb92864ae41aaa",
        .iv_before = "9cad246d9e86dd9b",
        .sealed =
            "5d9e8a5e9c99cefc8adea66037808b963da59d2a0af1ed96c4ebb0662ae97ae445dad7a94d3e85b1ec90"
            "cf3aaa9b1492f2f1186f8253b286",
        .opened =
            "0b000018044c0b3bdf325612ffbb18c05cdc1a7fa9e3a9040000001c0000000101106002d4f9b4f199d6"
            "530c0921ca9b661ff902c6969003",
        .info_id = "d697f27e",
        .info_rest = "0000001c0000000101106002d4f9b4f199d6530c0921ca9b661ff902",
        .info_hash1 = "bf6333e8f23551a17178142373c8fca65c8aa484",
        .quick_id = "dafafd06",
        .quick_iv = "c67d8bd370767488",
        .quick_ni_b = "ef3f8e45f7a85e7517e8487444c12b8c",
        .quick_nr_b = "d2806c68919dab2f6817ee4cc46b7c48",
        .rest1 =
            "0a0000300000000100000001000000240103040101e91153000000180103000080010001800207088004"
            "00028005000205000014ef3f8e45f7a85e7517e8487444c12b8c0500000c010000000a3700020000000c"
            "010000000a370003",
        .hash1 = "1d19df71c78624b1d836dd4be02947d07dc97910",
        .rest2 =
            "0a0000300000000100000001000000240103040108488599000000180103000080010001800207088004"
            "00028005000205000014d2806c68919dab2f6817ee4cc46b7c480500000c010000000a3700020000000c"
            "010000000a370003",
        .hash2 = "1b41f80b86a070e341e53015bc2e318f6505a716",
        .hash3 = "7c8e833792aeb057c16cef2001f99fc721fc695d",
        .sa[0] = { "01e91153",
                   "65e5ee1c1a6d995319babf9f9456056c4dccf86869d0cd751c6c9fe46e1f3caf23f4895e6cb3c13"
                   "84f58"
                   "3619556e0c76acbd85459d9718d5eb6e93c169024e9fccec22360c7983a9d525030776a7fef5" },
        .sa[1] = { "08488599",
                   "b54143e202beff08d7eb48509ffb21f23f9a07f6722ada882426b3145dcfd466efea301f2ca650a"
                   "9ae40"
                   "a82de3b33c8c4bfb5149a8ae543956a7883e602594fc92f14848b34740487d10f0fd3ce54797" },
    },
    {
        .name = "base-psk-des-md5-modp768",
        .digest = DIGEST_MD5,
        .cipher = CIPHER_DES,
        .group = DH_MODP768,
        .base_mode = true,
        .psk = "6777656a696d657a79666f706d656b756e",
        .cky_i = "f59559c92eb00a71",
        .cky_r = "d716b03343d60f30",
        .ni_b = "b05b6e0752d9728f3f3702e4a100e138",
        .nr_b = "acab88e0899dda903a6b9c6d897d6920",
        .sai_b =
            "00000001000000010000002c010100010000002401010000800b0001000c000400015180800100018003"
            "00018002000180040001",
        .idii_b = "011101f40a370002",
        .idir_b = "011101f40a370003",
        .xi = "3508d11ee389dd8c6edc122c6d9bdb5e23fb0d62ec4fe75bca126b7e1c96a67b9511f6f29c43b480ffec"
              "eb9025ebd0eac4bf99d5af849423d73fc23b0dcbe1f86a1b77d99ce3c9b8eaf9ea911af29aa749668e73"
              "ebc550ed71d2b6b6c01dc711",
        .xr = "3f9f072a9a11749919ea95cb9c71eea32d312e5ee28be013330bd633bdd8ea99629cd54aa779a87231a5"
              "1381aea760257b836ffc1d8d9771760fb8b235748e0cd7386e45d3e895cac7630c0fa06f8238a39ac3e7"
              "bed699fd474d834c1307dbe8",
        .g_xi =
            "74f27293ce2422db282b760d67d835c7bd1181a872d49db9e615d368910d5255dd9ebd45e2d536e1b472"
            "be61749535ffc735c68dbb37d201d61a366343eaa7df0dcaa8026543876f4074c0f49132be37ab023da8"
            "29f39130f7e5fe25564399d9",
        .g_xr =
            "68f68dda5636fd7f362724943c76a90434b1cd3ec91afac48d66c55c4c3bf47fe27d128bd896d315c275"
            "ac7dd8c45b4d3f78c3ee7a87c6f9761601e2f3e5844eb41ebda6f8ea95a566a857daf73ffd29d9aab846"
            "a6d072794f2f98ced1164a9c",
        .g_xy =
            "9cc4a2ecd7646a0ecbe8da5de23c142c6419a25990570e7371de3558ef064b2c47395f8d89c48fe24daf"
            "ee1902685e5706b2ef5e0d6d1c1aff1c2825b575fe1060bc46b89faa23111d29a51f582cece5706b4568"
            "85c4c171648a504a73072894",
        .skeyid = "3bf982b632191c65d55f712e03ab6690",
        .skeyid_d = "a73b742fa3c579df49b2e1d1d0cd88c8",
        .skeyid_a = "2fa976e2489eb85cf56319c8b581846d",
        .skeyid_e = "1709668a96e80035c54a1c7bfb7f7e73",
        .key = "1709668a96e80035",
        .iv = "544644678872cc9b",
        .hash_i = "586bf84d22d94f4f4f464819b8fbcc52",
        .hash_r = "113851cc7abf847ca418b69120c43f18",
        .last_block = "544644678872cc9b",
        .iv_before = "5172ec9eeae9fe18",
        .sealed =
            "17d1384becce3389f77f0cb639907017650e7114d234df8068f722de09a12f89950c046d5b2170bc6360"
            "ac180784cd91317c356370d1e474",
        .opened =
            "0b00001448c2d45e716b9f34cd6fdc53df1bf39d0000001c0000000101106002f59559c92eb00a71d716"
            "b03343d60f309996e29cfcb9e607",
        .info_id = "88b2cc0b",
        .info_rest = "0000001c0000000101106002f59559c92eb00a71d716b03343d60f30",
        .info_hash1 = "454c20e0757de85a289116686578744a",
        .quick_id = "c23d65e2",
        .quick_iv = "79fd75e9b57baa29",
        .quick_ni_b = "d2a25b4c177400061366ad74fb002621",
        .quick_nr_b = "aaec385c5330313c77d86b3f9d789a5b",
        .rest1 =
            "0a000030000000010000000100000024010304010d333436000000180102000080010001800207088004"
            "00028005000105000014d2a25b4c177400061366ad74fb0026210500000c010000000a3700020000000c"
            "010000000a370003",
        .hash1 = "fbbdd16e8a4c281ef28b9e152a112f54",
        .rest2 =
            "0a00003000000001000000010000002401030401072bb277000000180102000080010001800207088004"
            "00028005000105000014aaec385c5330313c77d86b3f9d789a5b0500000c010000000a3700020000000c"
            "010000000a370003",
        .hash2 = "0d32a7ec25f7919d01dbf4789aa48e4a",
        .hash3 = "e4adb7301a8eea60f508b059f4f9760c",
        .sa[0] = { "0d333436", "1dd98a79aaf1d1baa698f204725c6d4dbda0f50bb37a33aaff32278e5797314c07a"
                               "0936e4c4856f6ec36"
                               "2041f9cbd246" },
        .sa[1] = { "072bb277", "08075ffafdab45b8ceec3ca60d70c644a6dc47206c7ad5601828258a537cdff3a94"
                               "e1f8ad02380d96c2e"
                               "7f531358c819" },
    },
    {
        .name = "base-rsa-3des-sha1-modp1024",
        .digest = DIGEST_SHA1,
        .cipher = CIPHER_3DES,
        .group = DH_MODP1024,
        .base_mode = true,
        .cky_i = "69b08dc8b29fb39f",
        .cky_r = "c198948636919de7",
        .ni_b = "8886cb5c56faba9ee0b8287ce1abbf8a",
        .nr_b = "821d2d67810bd5609249e52648a0a929",
        .sai_b =
            "00000001000000010000002c010100010000002401010000800b0001000c000400015180800100058003"
            "00038002000280040002",
        .idii_b =
            "090000003032310b3009060355040613024c56310c300a060355040a0c034c6162311530130603550403"
            "0c0c67772d31302e35352e302e32",
        .idir_b =
            "090000003032310b3009060355040613024c56310c300a060355040a0c034c6162311530130603550403"
            "0c0c67772d31302e35352e302e33",
        .xi = "2c900a52d354a42ffcbbdb3e2c511f41deae176f70ec658e5da8bc6dda23aed3992bd24bcfd1bd2bc4fd"
              "5feea01b2f79fbc8f513c0837dbbb19a2188e73c34759dfc892feb8983edf2b69e1929b12bfef82ed18b"
              "f09aee765497708b0095d0621d0e573727619d25129e21e8426f70432540b3eb00b5883142a8d8f000ef"
              "eb91",
        .xr = "3cb38f8c73cdf22acb8332a55c0878bc57d2627cb88aa5355998f9b47c3fbfa5bc63c438dd8e987db355"
              "2e0e07347c2dc465c139b6ae52abff4402f39454079a4c204006d081e86f7fb3847b6cef6acccc354b90"
              "7d868b2981547ce923e7cb06bbf9c96ecb81ff84665b615e4cbd1c3ae1546dbdfd7f997363e6b2a8abfb"
              "16dc",
        .g_xi =
            "13a781db26328b89ca1c87e252aee60c84dff55dc4101c22d82ec0a6fbab1f2e843a0a22e908db667e07"
            "64b3bc7afb22b6f23b8dea6de617efff1e012e676ae700911a04bbd9216d38f49ccc5a31f55ad954636e"
            "add2dfefce4b0148c5d07f9f66803f66cd244c7fa023fc989bf451f124992de46158bec936ace1288021"
            "d9b2",
        .g_xr =
            "611bfa350d71ef165fdb3b490b45d5ea6a2939f3756055098bb08f21eebce226b75fb76059ab33950488"
            "84d3f92bb0262b89ba6d66fc361ab1101429a17b096ba9a27d76a270fa2d9a006cfeabc9cbe3c6a4d0cf"
            "c2e2694166c661c352489390272c5ebf98f12841f744cf579ce801f678fdbb686770b120a5d1faf57cb4"
            "a02e",
        .g_xy =
            "a769bb7882b4fcc30ef5a1dc063adfe8f380adf44ec38f7d85210c0ee145fdbbe8b6c027727e45f0f000"
            "6ce53eb8397390e3ffdd5322eab05f6d12bf6945d0976431a2e59c03104a73601ff622584ac588dacb04"
            "e62a12c68bef387dbeed48ac9c794b440fd76e418f7eeae2698373ee88bae81f04ed632e6bbf48527714"
            "6bb4",
        .skeyid = "595e286ec3f83bea576264a1e21ed8084506e4d4",
        .skeyid_d = "6d3d97fb0e4ed0d9c3f79aadaea6c80414f8ac0e",
        .skeyid_a = "3ba01c35fdea430f13dd879815387da24a356b27",
        .skeyid_e = "3e2ab006d7abad7787623aac03bbb0bc40feb9d6",
        .key = "5ab3a6e8f776832789847668dab7886d6c9d4d0bbf6034b1",
        .iv = "942eda007dec8b8a",
        .hash_i = "9eef307376dd130b8042eb0f4210ff0e627f2ea3",
        .hash_r = "73830f64c66cf8fad72eed65045c55b857483e75",
        .last_block = "942eda007dec8b8a",
        .iv_before = "8f8ed4c3a9960e96",
        .sealed =
            "4fbc2be209331b1bb2b0f131036e5a300025413a6e7ce4a8cddd15f104889df70b88f99fd03bb47b3dec"
            "1764df2d705cb79a07ebc4c3a932",
        .opened =
            "0b0000185b3441a325675943d524f089f687c44f76427d7c0000001c000000010110600269b08dc8b29f"
            "b39fc198948636919de7eea4b003",
        .info_id = "d97fb16b",
        .info_rest = "0000001c000000010110600269b08dc8b29fb39fc198948636919de7",
        .info_hash1 = "f99539ae19fcfe9420687c08054e1be8b8bd3710",
        .quick_id = "975abea5",
        .rest1 =
            "0a000030000000010000000100000024010304010143ea25000000180103000080010001800207088004"
            "00028005000205000014d599a826f082ee74a3f7405870b602750500000c010000000a3700020000000c"
            "010000000a370003",
        .hash1 = "893c01bcb0c1768b6a3e06c3a9f06bc2a1571cee",
        .quick_iv = "abadb77679193602",
        .quick_ni_b = "d599a826f082ee74a3f7405870b60275",
        .quick_nr_b = "facd7ae236647b7fc8f13010fd567ec4",
        .hash3 = "acfab7f07e04c12ba7b8ee08f9f034a65e7bfeb0",
        .rest2 =
            "0a000030000000010000000100000024010304010b29afde000000180103000080010001800207088004"
            "00028005000205000014facd7ae236647b7fc8f13010fd567ec40500000c010000000a3700020000000c"
            "010000000a370003",
        .hash2 = "0eaf6a1a60a1f6bc4da742a6e08722de69b55a64",
        .sa[0] = { "0143ea25",
                   "40654861f0e68471ca8cafdb9db9963b7376c761b914e8bd2a20a1cbaa787bbcaae272598434585"
                   "448c9"
                   "17c94117db81075966e7779498177409a94e89efb148f1c7d70f7584f10c319f56af829835e1" },
        .sa[1] = { "0b29afde",
                   "5f99555d27225abd082b217b586d826115c536fd00683b4925ba7e75b0b9eae79c424cf841a268c"
                   "e99ff"
                   "7449ddb40e45e4e407ae5cb5b7a0ed39f98100e49ab87b52adfd356002785b00fdf359ba1077" },
    },
};
