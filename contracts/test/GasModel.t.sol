// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {CertificateModel} from "./CertificateModel.sol";
import {Test} from "./Vm.sol";

/// @notice Gas of the model of EigenLayer's BN254 certificates, for the sizes of Gas.t.sol and measured the same way.
/// forge-config: default.isolate = true
/// forge-config: default.evm_version = "osaka"
contract GasModelTest is Test {
    uint256 private constant ORDER = 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001;
    /// @dev A digest whose first try lies on the curve: each further one would cost some 5,000 gas.
    bytes32 private constant DIGEST = 0x1111111111111111111111111111111111111111111111111111111111111111;

    CertificateModel private model;

    function test_n4() public {
        all(4);
    }

    function test_n16() public {
        all(16);
    }

    function test_n64() public {
        all(64);
    }

    function all(uint256 size) private {
        measure(size, "0", 0);
        measure(size, "10pct", size < 10 ? 1 : size / 10);
        measure(size, "33pct", size / 3);
    }

    /// There is no precompile to multiply in BN254's G2. So the last keeper's secret is what makes those of the signers
    /// add up to one: their key in G2 is the generator, and their signature the hash itself.
    function measure(uint256 size, string memory key, uint256 absent) private {
        model = new CertificateModel();
        CertificateModel.Point[] memory keys = new CertificateModel.Point[](size);
        uint256 sum = 0;
        for (uint256 i = 0; i < size; ++i) {
            uint256 secret = uint256(keccak256(abi.encode(size, i))) % ORDER;
            if (i == size - 1) secret = addmod(1, ORDER - sum, ORDER);
            else if (i >= absent) sum = addmod(sum, secret, ORDER);
            keys[i] = model.multiply(CertificateModel.Point(1, 2), secret);
        }
        model.register(keys, 100 ether);
        CertificateModel.Certificate memory certificate = certificateOf(keys, absent);
        certificate.absentKeys = sorted(certificate.absentKeys);
        model.settle(DIGEST, certificate);
        uint256 gas = vm.lastCallGas().gasTotalUsed;
        check(model.isSettled(DIGEST), "settled");
        equal(certificate.signature.x, uint256(DIGEST), "hashed at the first try");
        vm.snapshotValue("gas", string.concat("model_bn254_n", vm.toString(size), "_absent", key), gas);

        certificate.signature = CertificateModel.Point(1, 2);
        vm.expectRevert(CertificateModel.InvalidSignature.selector);
        model.settle(DIGEST, certificate);
    }

    function certificateOf(CertificateModel.Point[] memory keys, uint256 absent)
        private
        view
        returns (CertificateModel.Certificate memory certificate)
    {
        certificate.aggregate = model.aggregate();
        certificate.signersKey = model.generator();
        certificate.signature = model.hashToG1(DIGEST);
        certificate.bitmapIndices = new uint32[](absent);
        certificate.stakeIndices = new uint32[](absent);
        certificate.absentKeys = new CertificateModel.Point[](absent);
        for (uint256 i = 0; i < absent; ++i) {
            certificate.absentKeys[i] = keys[i];
        }
    }

    /// By the hash of the key, as EigenLayer wants them.
    function sorted(CertificateModel.Point[] memory keys) private pure returns (CertificateModel.Point[] memory) {
        for (uint256 i = 1; i < keys.length; ++i) {
            for (uint256 j = i; j != 0 && hashOf(keys[j]) < hashOf(keys[j - 1]); --j) {
                (keys[j], keys[j - 1]) = (keys[j - 1], keys[j]);
            }
        }
        return keys;
    }

    function hashOf(CertificateModel.Point memory key) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(key.x, key.y));
    }
}
